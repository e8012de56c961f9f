import { type Comparison, compareRuns } from '../../reports/compare.ts';
import { comparisonJson, comparisonText } from '../../reports/compare-text.ts';
import { readRun } from '../../reports/journal.ts';
import type { Run } from '../../reports/results.ts';
import type { CompareArguments } from './compare-command.ts';
import { journalOf } from './run-journal.ts';

/** Prints what became different. @returns the exit code */
export function showComparison(given: CompareArguments): 0 | 1 | 3 {
  const after = readRun(journalOf(given.new));
  const comparison = compareRuns(readRun(journalOf(given.old)), after);
  const text = given.format === 'json' ? comparisonJson(comparison) : comparisonText(comparison);
  process.stdout.write(text);
  if (isWorse(comparison)) return 1;
  const lack = whatLacks(after);
  if (lack === undefined) return 0;
  process.stderr.write(
    `uapi-conform: ${given.new}: ${lack}, so it cannot show that all is well.\n`,
  );
  return 3;
}

function isWorse({ newFailures, unexpectedPasses }: Comparison): boolean {
  return newFailures.length + unexpectedPasses.length > 0;
}

/** Points that never ran are no failures, and no success either. */
function whatLacks({ end, points }: Run): string | undefined {
  if (end === undefined) return 'the run was cut short';
  if (end.outcome !== 'complete') return `the run is not complete (${end.reason ?? end.outcome})`;
  return points.some(({ verdict }) => verdict !== 'skip') ? undefined : 'nothing was run';
}
