import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../uapi/project-root.ts';

/** Version and commit of this suite, so that a result can be traced to the code that gave it. */
export function suiteIdentity(): { readonly version: string; readonly commit: string } {
  const root = projectRoot();
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return { version: versionOf(manifest), commit: commitOf(root) };
}

function versionOf(manifest: unknown): string {
  const isNamed = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return isNamed ? String(manifest.version) : 'unknown';
}

/** `-dirty` where tracked files differ. An installed package has no repository. */
function commitOf(root: string): string {
  if (!existsSync(join(root, '.git'))) return 'unknown';
  try {
    return execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=12'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}
