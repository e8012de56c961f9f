import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { JOURNAL_FILE } from './output-directory.ts';

/** The journal that a user means by a run: the file itself, or the one in a directory. */
export function journalOf(run: string): string {
  const isDirectory = statSync(run, { throwIfNoEntry: false })?.isDirectory();
  return isDirectory ? join(run, JOURNAL_FILE) : run;
}

export function isEmpty(journal: string): boolean {
  return statSync(journal).size === 0;
}

/** Whether anything ran, or was judged: then there is something to lose. */
export function holdsPoints(journal: string): boolean {
  return /^\{"type":"(?:started|point)"/m.test(readFileSync(journal, 'latin1'));
}
