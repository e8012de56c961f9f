import type { EndRecord, Run } from './results.ts';
import { oneLine } from './text.ts';

/**
 * Why a run as a whole is no success, whatever its points came to: what the exit code 3 says. Reports
 * for machines have it as a test that did not pass, as many of their readers see no exit code.
 */
export function runProblem(run: Run): string | undefined {
  const { end } = run;
  if (end === undefined) return 'the run has no end: it was killed, or it still goes on';
  if (end.outcome !== 'complete') return endedText(end);
  const isIdle = run.points.every((point) => point.verdict === 'skip');
  return isIdle ? 'nothing was run: no point, or all were skipped' : undefined;
}

/** The suite and the test in which such a run tells it; a run that is in order has neither. */
export const RUN_SUITE = 'run';
export const RUN_TEST = 'the run is complete';

/** Behind the counts of a run: `; the run was interrupted`, nothing where it came to its end. */
export function endText({ end }: Run): string {
  if (end === undefined) return '; the run was interrupted';
  return end.outcome === 'complete' ? '' : `; ${endedText(end, 120)}`;
}

/** `the run failed: why` */
function endedText({ outcome, reason }: EndRecord, limit?: number): string {
  const what = outcome === 'failed' ? 'failed' : 'was interrupted';
  return `the run ${what}${reason === undefined ? '' : `: ${oneLine(reason, limit)}`}`;
}
