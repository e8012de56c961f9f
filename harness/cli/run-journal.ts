import { statSync } from 'node:fs';
import { join } from 'node:path';
import { JOURNAL_FILE } from './output-directory.ts';

/** The journal that a user means by a run: the file itself, or the one in a directory. */
export function journalOf(run: string): string {
  const isDirectory = statSync(run, { throwIfNoEntry: false })?.isDirectory();
  return isDirectory ? join(run, JOURNAL_FILE) : run;
}
