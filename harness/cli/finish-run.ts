import { runReport, wantsColor } from '../../reports/console.ts';
import { readRun } from '../../reports/journal.ts';
import type { Run } from '../../reports/results.ts';
import { writeReports } from '../../reports/write.ts';
import { exitCode } from '../judge.ts';
import type { RunEnd } from '../run/run.ts';
import type { OutputDirectory } from './output-directory.ts';
import type { RunRequest } from './run-request.ts';
import { shortPath } from './short-path.ts';

/** Makes the reports, shows the end of the run and says how the process is to end. */
export function finishRun(end: RunEnd, request: RunRequest, output: OutputDirectory): number {
  const run = readRun(output.journal);
  try {
    const written = writeReports(run, output.path, request.formats);
    const paths = [output.journal, ...written].map((path) => `  ${shortPath(path)}`).join('\n');
    const report = runReport(run, { color: wantsColor(process.stdout) });
    process.stdout.write(`\n${report}\nreports:\n${paths}\n`);
  } finally {
    const remark = end.broken ?? (end.interrupted ? stopped(run) : nothingRun(end));
    if (remark !== undefined) process.stderr.write(`uapi-conform: ${remark}\n`);
  }
  return exitCode({ ...end, broken: end.broken !== undefined });
}

function stopped(run: Run): string {
  const why = run.end?.reason ?? 'interrupted';
  return `${why}: ${run.points.length} of ${run.planned.length} points have a verdict.`;
}

function nothingRun({ verdicts }: RunEnd): string | undefined {
  if (verdicts.some((verdict) => verdict !== 'skip')) return undefined;
  const what =
    verdicts.length === 0
      ? 'no point was planned: the selection leaves nothing'
      : `all ${verdicts.length} points were skipped, for the reasons above`;
  return `nothing was run: ${what}. A run that executed no point is not a success.`;
}
