/** Changes the text of a list and leaves alone what people wrote: comments, order, other entries. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeDirectories } from '../reports/make-directories.ts';
import { oneLine, wrap } from '../reports/text.ts';
import { InfraError } from './errors.ts';
import type { ExpectationEntry } from './expectation-entry.ts';

/** An entry that is to be written. */
export interface NewEntry {
  readonly pattern: string;
  readonly reason: string;
  /** Written where it is more than `fail`. */
  readonly verdicts: readonly string[];
}

const WIDTH = 100;

/** The text without some of its entries and with others at its end. */
export function editList(
  text: string,
  removed: readonly Pick<ExpectationEntry, 'line' | 'endLine'>[],
  added: readonly NewEntry[],
): string {
  const lines = text.split('\n');
  const fromLast = [...removed].sort((a, b) => b.line - a.line);
  for (const { line, endLine } of fromLast) {
    const isBlank = (at: number) => (lines[at] ?? '').trim() === '';
    // The blank line between two entries goes with the first of them.
    const after = isBlank(line - 2) && isBlank(endLine) ? 1 : 0;
    lines.splice(line - 1, endLine - line + 1 + after);
  }
  const kept = lines.join('\n').trimEnd();
  const blocks = [...(kept === '' ? [] : [kept]), ...added.map(entryText)];
  return blocks.length === 0 ? '' : `${blocks.join('\n\n')}\n`;
}

function entryText({ pattern, reason, verdicts }: NewEntry): string {
  // A line that begins with a number sign would be read as a comment.
  const line = `  reason: ${oneLine(reason).replaceAll('#', '')}`;
  const expected = verdicts.join(', ');
  const tail = expected === 'fail' ? [] : [`  verdict: ${expected}`];
  return [pattern, ...wrap(line, WIDTH, '    '), ...tail].join('\n');
}

/**
 * Writes a file beside its name and renames it, so that no reader sees half of it; without text the
 * file goes away.
 * @throws InfraError
 */
export function replaceFile(path: string, text: string): void {
  const beside = join(dirname(path), `.${basename(path)}.${process.pid}`);
  try {
    if (text === '') {
      rmSync(path, { force: true });
      return;
    }
    makeDirectories(dirname(path));
    writeThrough(beside, text);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    const why = error instanceof Error ? error.message : String(error);
    throw new InfraError(`${path}: the list cannot be written: ${why}. It is as it was.`, {
      cause: error,
    });
  }
}

function writeThrough(path: string, text: string): void {
  const fd = openSync(path, 'w', 0o666);
  try {
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
