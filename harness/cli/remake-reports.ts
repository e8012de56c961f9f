import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readRun } from '../../reports/journal.ts';
import { writeReports } from '../../reports/write.ts';
import { DEFAULT_FORMATS } from './format-option.ts';
import { JOURNAL_FILE } from './output-directory.ts';
import type { ReportArguments } from './report-command.ts';

/** Writes reports from a journal and prints their paths. */
export function remakeReports(given: ReportArguments): void {
  const isDirectory = statSync(given.journal, { throwIfNoEntry: false })?.isDirectory();
  const journal = isDirectory ? join(given.journal, JOURNAL_FILE) : given.journal;
  const run = readRun(journal);
  const directory = given.output ?? dirname(journal);
  const written = writeReports(run, directory, [...DEFAULT_FORMATS, ...(given.format ?? [])]);
  for (const path of written) process.stdout.write(`${path}\n`);
}
