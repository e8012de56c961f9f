import { type FileHandle, open } from 'node:fs/promises';
import { lookAgain, pause } from './patience.ts';

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

/** Reading takes the locks of all buffers: a driver that hangs with one must not hang us. */
const READ_LIMIT_MS = 2000;

/** The list of all dma-bufs of the system. It stays open: it is read after every point. */
class Bufinfo {
  readonly #file: FileHandle;
  #bytes = Buffer.alloc(16_384);

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @returns undefined without debugfs, or without the right to read it */
  static async open(): Promise<Bufinfo | undefined> {
    const file = await open(BUFINFO).catch(() => undefined);
    return file === undefined ? undefined : new Bufinfo(file);
  }

  /** @returns undefined without an answer */
  async read(): Promise<readonly DmaBuf[] | undefined> {
    const text = this.#text().catch(() => undefined);
    const answer = await Promise.race([text, pause(READ_LIMIT_MS)]);
    return answer === undefined ? undefined : parseBufinfo(answer);
  }

  async #text(): Promise<string> {
    for (let length = 0; ; ) {
      const room = this.#bytes.length - length;
      const { bytesRead } = await this.#file.read(this.#bytes, length, room, length);
      length += bytesRead;
      // The kernel makes the whole text at once, and gives less than there is room for at its end.
      if (bytesRead < room) return this.#bytes.toString('utf8', 0, length);
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
  async start(): Promise<boolean> {
    this.#bufinfo = await Bufinfo.open();
    for (const { inode } of await this.#read()) this.#known.add(inode);
    return this.#bufinfo !== undefined;
  }

  /**
   * To be called when a point has ended, before it counts as gone.
   * @param running the points that run, the one that ended included
   * @returns what stayed although all points that can have made it have ended
   */
  async left(ended: object, running: readonly object[]): Promise<readonly DmaBuf[]> {
    for (const { inode } of await this.#read()) {
      if (this.#known.has(inode) || this.#suspects.has(inode)) continue;
      this.#suspects.set(inode, new Set(running));
    }
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
    const present = new Map((await this.#read()).map((buffer) => [buffer.inode, buffer]));
    for (const inode of this.#suspects.keys())
      if (!present.has(inode)) this.#suspects.delete(inode);
    return [...this.#suspects].flatMap(([inode, points]) => {
      const buffer = present.get(inode);
      return points.size === 0 && buffer !== undefined ? [buffer] : [];
    });
  }

  /** After one failure it is not tried again. */
  async #read(): Promise<readonly DmaBuf[]> {
    const buffers = await this.#bufinfo?.read();
    if (buffers === undefined) this.#bufinfo = undefined;
    return buffers ?? [];
  }
}
