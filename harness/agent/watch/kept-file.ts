import { closeSync, openSync, readSync } from 'node:fs';

/** More than any attribute of the kernel: sysfs gives at most a page. */
const FILE_BYTES = 4096;
const bytes = Buffer.alloc(FILE_BYTES);

/**
 * A small file of the kernel that is read after every point: kept open, one call reads it anew. A file
 * of sysfs keeps nothing alive that way: when what it tells of goes, reading it fails for good.
 * Source: fs/kernfs/dir.c, kernfs_get_active()
 */
export class KeptFile implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** @returns undefined for a file that cannot be opened */
  static open(path: string): KeptFile | undefined {
    try {
      return new KeptFile(openSync(path, 'r'));
    } catch {
      return undefined;
    }
  }

  /** What it says now, without the end of line; undefined when it says nothing any more. */
  text(): string | undefined {
    try {
      const length = readSync(this.#fd, bytes, 0, FILE_BYTES, 0);
      return bytes.toString('latin1', 0, length).trimEnd();
    } catch {
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
