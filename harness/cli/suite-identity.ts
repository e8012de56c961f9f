import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../../uapi/project-root.ts';

export interface SuiteIdentity {
  readonly version: string;
  readonly commit: string;
}

/** Version and commit of this suite, so that a result can be traced to the code that gave it. */
export async function suiteIdentity(): Promise<SuiteIdentity> {
  const root = projectRoot();
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return { version: versionOf(manifest), commit: await commitOf(root) };
}

function versionOf(manifest: unknown): string {
  const isNamed = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return isNamed ? String(manifest.version) : 'unknown';
}

/** `-dirty` where tracked files differ. An installed package has no repository. */
async function commitOf(root: string): Promise<string> {
  if (!existsSync(join(root, '.git'))) return 'unknown';
  try {
    // It is read only, so it does not matter whose the checkout is; git would refuse another user's.
    const words = [
      '-c',
      `safe.directory=${root}`,
      'describe',
      '--always',
      '--dirty',
      '--abbrev=12',
    ];
    const { stdout } = await promisify(execFile)('git', words, { cwd: root });
    return stdout.trim();
  } catch {
    return 'unknown';
  }
}
