import { dirname } from 'node:path';
import { readRun } from '../../reports/journal.ts';
import { writeReports } from '../../reports/write.ts';
import { DEFAULT_FORMATS } from './format-option.ts';
import type { ReportArguments } from './report-command.ts';
import { journalOf } from './run-journal.ts';

/** Writes reports from a journal and prints their paths. */
export function remakeReports(given: ReportArguments): void {
  const journal = journalOf(given.journal);
  const run = readRun(journal);
  const directory = given.output ?? dirname(journal);
  const written = writeReports(run, directory, [...DEFAULT_FORMATS, ...(given.format ?? [])]);
  for (const path of written) process.stdout.write(`${path}\n`);
}
