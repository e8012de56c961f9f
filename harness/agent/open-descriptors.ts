import { readdirSync, readlinkSync, statSync } from 'node:fs';

const FOLDER = '/proc/self/fd';

/** A point may close some that another opened: only their number tells of a leak. */
export interface DescriptorCount {
  readonly count: number;
  /** What was open when that number was seen first. */
  readonly names: ReadonlySet<string>;
}

/**
 * The open descriptors of this process, counted around each point. Since Linux 6.2 the folder's size
 * is their number; before that it is 0, and the folder is read.
 * Source: fs/proc/fd.c, proc_fd_getattr()
 */
export class OpenDescriptors {
  #last: DescriptorCount = { count: -1, names: new Set() };

  /** To be called before a point. */
  count(): DescriptorCount {
    const count = countNow();
    // Reading the names costs more than many a point, and their number hardly ever changes.
    if (count !== this.#last.count) {
      this.#last = { count, names: new Set(openDescriptors().map(({ fd }) => fd)) };
    }
    return this.#last;
  }

  /** What was opened since then and not closed, in words; looked at closely only if there is more. */
  since(before: DescriptorCount): readonly string[] {
    if (countNow() <= before.count) return [];
    const fresh = openDescriptors().filter(({ fd }) => !before.names.has(fd));
    return fresh.map(({ fd, target }) => `fd ${fd} (${target})`);
  }
}

function countNow(): number {
  return statSync(FOLDER).size || openDescriptors().length;
}

/** A descriptor of this process, and what it leads to. */
interface OpenDescriptor {
  readonly fd: string;
  readonly target: string;
}

/** All that are open, without the one that reading the folder takes, which is closed by now. */
export function openDescriptors(): readonly OpenDescriptor[] {
  return readdirSync(FOLDER).flatMap((fd) => {
    const target = targetOf(fd);
    return target === undefined ? [] : [{ fd, target }];
  });
}

function targetOf(fd: string): string | undefined {
  try {
    return readlinkSync(`${FOLDER}/${fd}`);
  } catch {
    return undefined;
  }
}
