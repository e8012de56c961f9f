import { runReport, wantsColor } from '../../reports/console.ts';
import { readRecords, readRun } from '../../reports/journal.ts';
import { mergedRecords, planMerge } from '../../reports/merge.ts';
import { writeReports } from '../../reports/write.ts';
import { UsageError } from '../errors.ts';
import { Journal } from '../journal.ts';
import { exitCode } from '../judge.ts';
import { DEFAULT_FORMATS } from './format-option.ts';
import type { MergeArguments } from './merge-command.ts';
import { prepareOutput } from './output-directory.ts';
import { journalOf } from './run-journal.ts';
import { shortPath } from './short-path.ts';

/** Merges journals and writes the reports of the whole. @returns the exit code */
export function mergeRuns(given: MergeArguments): number {
  const inputs = given.run.map((name) => {
    const path = journalOf(name);
    return { name, records: () => readRecords(path) };
  });
  const plan = planMerge(inputs);
  if (plan.conflicts.length > 0 && !given.force) {
    const why = plan.conflicts.join('; ');
    throw new UsageError(
      `These runs are not the parts of one: ${why}. --force merges them anyway.`,
    );
  }
  const output = prepareOutput(given.output, new Date());
  {
    using journal = new Journal(output.journal, { syncStarted: false });
    for (const record of mergedRecords(plan)) journal.append(record);
  }
  const run = readRun(output.journal);
  const formats = [...DEFAULT_FORMATS, ...(given.format ?? [])];
  const written = writeReports(run, output.path, formats);
  const paths = [output.journal, ...written].map((path) => `  ${shortPath(path)}`).join('\n');
  const report = runReport(run, { color: wantsColor(process.stdout) });
  process.stdout.write(`${report}\nreports:\n${paths}\n`);
  return exitCode({
    verdicts: run.points.map(({ verdict }) => verdict),
    interrupted: run.end?.outcome === 'interrupted',
    broken: run.end?.outcome === 'failed',
  });
}
