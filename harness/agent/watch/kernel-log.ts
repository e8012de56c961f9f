import { closeSync, constants, openSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import type { KernelLine } from '../../../reports/results.ts';
import { SEEK_END } from '../../../uapi/constants.ts';
import { E } from '../../../uapi/errno.ts';
import { tryRead } from '../../../uapi/sys.ts';
import { tryLseek } from '../../../uapi/sys-file.ts';
import { signOf } from './kernel-signs.ts';
import { MARKER } from './log-writer.ts';

/** One record is at most this long. Source: kernel/printk/printk.c, PRINTK_MESSAGE_MAX */
const RECORD_BYTES = 8192;

/** Said in place of records that were overwritten before they were read: level 4, a warning. */
export const LOST: KernelLine = { timeUs: 0, level: 4, text: 'kernel log records were lost' };

/** A marker of ours, which need not be taken apart. */
const MARKED = `;${MARKER}`;

/**
 * The kernel log from now on, read record by record from /dev/kmsg without waiting. Without the
 * privilege to read it there are no lines; `isReadable` says so.
 */
export class KernelLog implements Disposable {
  readonly #fd: number | undefined;
  readonly #record = Buffer.alloc(RECORD_BYTES);

  private constructor(fd: number | undefined) {
    this.#fd = fd;
  }

  /** Opens the log and skips what is in it. */
  static open(): KernelLog {
    let fd: number | undefined;
    try {
      fd = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
    } catch {
      fd = undefined;
    }
    // Source: Documentation/ABI/testing/dev-kmsg
    if (fd !== undefined) tryLseek(fd, 0, SEEK_END);
    return new KernelLog(fd);
  }

  get isReadable(): boolean {
    return this.#fd !== undefined;
  }

  /** Takes what the kernel said since the last time, line by line: a driver in a loop says a lot. */
  drain(take: (line: KernelLine) => void): void {
    for (let record = this.#next(); record !== undefined; record = this.#next()) {
      if (typeof record !== 'string') take(record);
      else if (!record.includes(MARKED)) {
        const line = parseRecord(record);
        if (!line.text.startsWith(MARKER)) take(line);
      }
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }

  /** The next record, or that some were lost; undefined when there is none. */
  #next(): string | KernelLine | undefined {
    if (this.#fd === undefined) return undefined;
    const { ret, errno } = tryRead(this.#fd, this.#record);
    if (errno === E.EPIPE) return LOST;
    return errno === 0 ? this.#record.toString('utf8', 0, ret) : undefined;
  }
}

/**
 * `6,339,5140900,-;text`: priority, sequence, microseconds, flags; then lines of device context.
 * Priorities carry the facility above three bits of level; what user space wrote is no sign.
 * Source: Documentation/ABI/testing/dev-kmsg
 */
export function parseRecord(record: string): KernelLine {
  const [head = '', ...rest] = record.split(';');
  const [priority = '6', , timeUs = '0'] = head.split(',');
  const message = rest.join(';').split('\n', 1)[0] ?? '';
  const text = stripVTControlCharacters(message.replaceAll('\\x1b', '\x1b')).trimEnd();
  const fromKernel = Number(priority) >> 3 === 0;
  const sign = fromKernel ? signOf(text) : undefined;
  const line = { timeUs: Number(timeUs), level: Number(priority) & 7, text };
  return sign === undefined ? line : { ...line, sign };
}
