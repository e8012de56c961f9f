import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * The process that holds a dma-buf open, by the buffer's inode: on a machine that others use too, a
 * new buffer need not be ours. Looks through all processes, so only when something was found.
 */
export function holderOf(inode: number): string | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const fd of entries(`/proc/${pid}/fd`)) {
      if (!target(`/proc/${pid}/fd/${fd}`).startsWith('/dmabuf:')) continue;
      const info = text(`/proc/${pid}/fdinfo/${fd}`);
      if (Number(/^ino:\s*(\d+)/m.exec(info)?.[1]) !== inode) continue;
      return `${text(`/proc/${pid}/comm`).trim()} (${pid})`;
    }
  }
  return undefined;
}

function entries(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function target(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
