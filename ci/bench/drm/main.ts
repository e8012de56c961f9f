import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../../uapi/project-root.ts';
import { compare } from '../comparison.ts';
import type { GuestWish } from '../guest.ts';
import { fetchIgt } from './igt-package.ts';
import { comparison } from './table.ts';
import { wishCommand } from './wish.ts';

/**
 * `npm run bench:drm`: the suite beside igt-gpu-tools. `--only=ID` measures these cases alone,
 * once, and nothing of igt-gpu-tools: what they execute, while cases are written.
 */

const ONLY = '--only=';

/** All but those whose devices share no buffers of DRM. */
function providers(): readonly string[] {
  const entries = readdirSync(join(projectRoot(), 'providers'), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return folders.filter((name) => name !== 'rdma').sort();
}

async function wish(words: readonly string[]): Promise<GuestWish> {
  const ids = words.filter((word) => word.startsWith(ONLY)).map((word) => word.slice(ONLY.length));
  const isDraft = ids.length > 0;
  const igtTree = isDraft ? undefined : await fetchIgt();
  const selection = [
    ...providers().flatMap((name) => ['--provider', name]),
    '--all',
    '--sample',
    ...ids,
  ];
  const command = wishCommand({ selection, isDraft, ...(igtTree !== undefined && { igtTree }) });
  return { providers: providers(), builds: true, setup: [command] };
}

const words = process.argv.slice(2);
// igt-gpu-tools shows pictures, which ends QEMU 7.2 beside a device that renders.
process.env['UAPI_CONFORM_QEMU'] ??= 'newer';
const scripts = ['ours-in-guest.js', 'igt-in-guest.js'];
await compare({ bench: 'drm', scripts, wish: () => wish(words), text: comparison }, words);
