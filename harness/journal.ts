/**
 * Writes a journal: one record a line, each with one write, so that whatever ends this process leaves
 * whole lines. `reports/journal.ts` reads it.
 */
import {
  appendFileSync,
  closeSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import type { JournalRecord } from '../reports/results.ts';
import { InfraError } from './errors.ts';

export interface JournalOptions {
  /**
   * Wait for the disk after each `started` record. Needed where the drivers under test run on the
   * machine that holds the journal: a panic loses what only the page cache has.
   */
  readonly syncStarted: boolean;
}

/** The journal of a run that goes on. Owns the file; close it. */
export class Journal implements Disposable {
  readonly path: string;
  readonly #syncStarted: boolean;
  #fd: number | undefined;
  #sizeBytes: number;

  /**
   * Opens the file for appending; made where it is missing. What a power cut or a kill left behind the
   * last whole record is cut off, so that what follows stands on lines of its own.
   * @throws InfraError
   */
  constructor(path: string, options: JournalOptions) {
    this.path = path;
    this.#syncStarted = options.syncStarted;
    try {
      cutBrokenEnd(path);
      this.#fd = openSync(path, 'a');
      this.#sizeBytes = fstatSync(this.#fd).size;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** @throws InfraError when the disk does not take it; the journal then ends with the record before. */
  append(record: JournalRecord): void {
    if (this.#fd === undefined) throw new Error(`${this.path}: append after close`);
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    try {
      for (let done = 0; done < line.length; ) done += writeSync(this.#fd, line, done);
      if (this.#syncStarted && record.type === 'started') fdatasyncSync(this.#fd);
      this.#sizeBytes += line.length;
    } catch (error) {
      this.#dropCutLine(this.#fd);
      throw this.#failed(error);
    }
  }

  close(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** A full disk takes half a line: without it a later record still stands on a line of its own. */
  #dropCutLine(fd: number): void {
    try {
      ftruncateSync(fd, this.#sizeBytes);
    } catch {
      // The reader copes with a cut last line; the first error is the one to tell.
    }
  }

  #failed(error: unknown): InfraError {
    const why = error instanceof Error ? error.message : String(error);
    const mend = 'Free space on the disk or give another directory with --output.';
    return new InfraError(`${this.path}: the journal cannot be written: ${why}. ${mend}`, {
      cause: error,
    });
  }
}

/** Removes the end of a file that is no whole line of JSON; nothing else is looked at. */
function cutBrokenEnd(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return;
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    let end = startOfLine(fd, size);
    // A reader takes a last line that lacks nothing but its end for a record, so it stays one.
    if (end < size && isJson(fd, end, size)) {
      appendFileSync(path, '\n');
      return;
    }
    // Blocks that were never written read as zeros, also within a line that has its end.
    while (end > 0 && !isJson(fd, startOfLine(fd, end - 1), end)) end = startOfLine(fd, end - 1);
    if (end < size) truncateSync(path, end);
  } finally {
    closeSync(fd);
  }
}

const STEP_BYTES = 64 * 1024;

/** Where the line begins that a position is in: behind the last line end before it. */
function startOfLine(fd: number, position: number): number {
  const chunk = Buffer.alloc(STEP_BYTES);
  for (let to = position; to > 0; to -= STEP_BYTES) {
    const from = Math.max(0, to - STEP_BYTES);
    const size = readSync(fd, chunk, 0, to - from, from);
    const at = chunk.subarray(0, size).lastIndexOf(10);
    if (at >= 0) return from + at + 1;
  }
  return 0;
}

function isJson(fd: number, from: number, to: number): boolean {
  const line = Buffer.alloc(to - from);
  readSync(fd, line, 0, line.length, from);
  try {
    JSON.parse(line.toString());
    return true;
  } catch {
    return false;
  }
}
