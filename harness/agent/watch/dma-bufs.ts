import { openSync } from 'node:fs';
import { tryPread } from '../../../uapi/sys.ts';
import { interrupting } from '../../../uapi/sys-alarm.ts';
import { lookAgain } from './patience.ts';

/** One dma-buf that exists somewhere in the system. */
export interface DmaBuf {
  readonly sizeBytes: number;
  readonly exporter: string;
  readonly inode: number;
}

const BUFINFO = '/sys/kernel/debug/dma_buf/bufinfo';

/**
 * `size flags mode count exporter inode name`, numbers padded with zeros.
 * Source: drivers/dma-buf/dma-buf.c, dma_buf_debug_show()
 */
const ROW = /^(\d{8,})\t[0-9a-f]{8}\t[0-9a-f]{8}\t\d{8,}\t([^\t]*)\t(\d{8,})\t/;

export function parseBufinfo(text: string): readonly DmaBuf[] {
  return text.split('\n').flatMap((line) => {
    const [, size, exporter, inode] = ROW.exec(line) ?? [];
    if (size === undefined || exporter === undefined) return [];
    return [{ sizeBytes: Number(size), exporter, inode: Number(inode) }];
  });
}

/**
 * Reading takes the locks of all buffers: a driver that hangs with one must not hang us. The kernel
 * waits for them interruptibly.
 */
const READ_LIMIT_MS = 2000;

/** The list of all dma-bufs of the system. It stays open: it is read after every point. */
class Bufinfo {
  readonly #fd: number;
  #bytes = Buffer.alloc(16_384);
  /** What it said last, and what that means: mostly it says the same again. */
  #text = Buffer.alloc(0);
  #buffers: readonly DmaBuf[] = [];

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** @returns undefined without debugfs, or without the right to read it */
  static open(): Bufinfo | undefined {
    try {
      return new Bufinfo(openSync(BUFINFO, 'r'));
    } catch {
      return undefined;
    }
  }

  /** @returns undefined without an answer */
  read(): readonly DmaBuf[] | undefined {
    const length = interrupting(READ_LIMIT_MS, () => this.#fill());
    if (length === undefined) return undefined;
    const text = this.#bytes.subarray(0, length);
    if (!text.equals(this.#text)) {
      this.#text = Buffer.from(text);
      this.#buffers = parseBufinfo(text.toString('utf8'));
    }
    return this.#buffers;
  }

  /** @returns the bytes that were read; undefined when a lock was not to be had, or debugfs went */
  #fill(): number | undefined {
    for (let length = 0; ; ) {
      const room = this.#bytes.subarray(length);
      const { ret, errno } = tryPread(this.#fd, room, length);
      if (errno !== 0) return undefined;
      length += ret;
      // The kernel makes the whole text at once, and gives less than there is room for at its end.
      if (ret < room.length) return length;
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(length)]);
    }
  }
}

/**
 * Finds dma-bufs that outlive the points that can have made them. One that appears while several
 * points run is everybody's until the last of them has ended.
 */
export class DmaBufWatch {
  readonly #known = new Set<number>();
  /** New since the last look, with the points that were running: they can have made it. */
  readonly #suspects = new Map<number, Set<object>>();
  /** Undefined when it cannot be read, or no longer. */
  #bufinfo: Bufinfo | undefined;

  /** Takes what is there for given. @returns whether the list can be read at all */
  start(): boolean {
    this.#bufinfo = Bufinfo.open();
    for (const { inode } of this.#read()) this.#known.add(inode);
    return this.#bufinfo !== undefined;
  }

  /**
   * To be called when a point has ended, before it counts as gone.
   * @param running the points that run, the one that ended included
   * @returns what stayed although all points that can have made it have ended
   */
  async left(ended: object, running: readonly object[]): Promise<readonly DmaBuf[]> {
    for (const { inode } of this.#read()) {
      if (this.#known.has(inode) || this.#suspects.has(inode)) continue;
      this.#suspects.set(inode, new Set(running));
    }
    if (this.#suspects.size === 0) return [];
    for (const points of this.#suspects.values()) points.delete(ended);
    const orphans = await lookAgain(
      () => this.#orphans(),
      (found) => found.length === 0,
    );
    for (const { inode } of orphans) {
      this.#suspects.delete(inode);
      this.#known.add(inode);
    }
    return orphans;
  }

  /** Buffers without a living suspect that are still there; those that went are forgotten. */
  async #orphans(): Promise<readonly DmaBuf[]> {
    if (this.#suspects.size === 0) return [];
    const present = new Map(this.#read().map((buffer) => [buffer.inode, buffer]));
    for (const inode of this.#suspects.keys())
      if (!present.has(inode)) this.#suspects.delete(inode);
    return [...this.#suspects].flatMap(([inode, points]) => {
      const buffer = present.get(inode);
      return points.size === 0 && buffer !== undefined ? [buffer] : [];
    });
  }

  /** After one failure it is not tried again. */
  #read(): readonly DmaBuf[] {
    const buffers = this.#bufinfo?.read();
    if (buffers === undefined) this.#bufinfo = undefined;
    return buffers ?? [];
  }
}
