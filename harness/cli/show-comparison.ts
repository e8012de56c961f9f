import { compareRuns } from '../../reports/compare.ts';
import { comparisonJson, comparisonText } from '../../reports/compare-text.ts';
import { readRun } from '../../reports/journal.ts';
import type { CompareArguments } from './compare-command.ts';
import { journalOf } from './run-journal.ts';

/** Prints what became different. @returns the exit code */
export function showComparison(given: CompareArguments): number {
  const comparison = compareRuns(readRun(journalOf(given.old)), readRun(journalOf(given.new)));
  const text = given.format === 'json' ? comparisonJson(comparison) : comparisonText(comparison);
  process.stdout.write(text);
  return comparison.newFailures.length > 0 ? 1 : 0;
}
