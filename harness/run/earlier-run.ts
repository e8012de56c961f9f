/** A run that was cut short, and what is left of it: what `--resume` goes on with. */
import type { PointRecord, RunRecord, Verdict } from '../../reports/results.ts';
import { UsageError } from '../errors.ts';
import { isSendable, type RunPoint } from './run-point.ts';
import type { Failure } from './second-looks.ts';

/** A failure that nobody looked at a second time, and what ran before it in the same lane. */
export interface EarlierFailure {
  readonly record: PointRecord;
  readonly before?: string;
}

export interface EarlierRun {
  readonly header: RunRecord;
  /** Absent where the run ended before it had a plan. */
  readonly planned?: readonly string[];
  /** Of the points that have one, as they stand last. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** When the points started that ran while the host itself went away, by their ids. */
  readonly killed: ReadonlyMap<string, string>;
  readonly failures: readonly EarlierFailure[];
  readonly isComplete: boolean;
}

/** The failures that had no second look yet, as those of a run that goes on. */
export function failuresLeft(points: readonly RunPoint[], earlier: EarlierRun): readonly Failure[] {
  const wanted = new Set(earlier.failures.flatMap(({ record, before }) => [record.id, before]));
  const sendable = points.filter(isSendable).filter(({ id }) => wanted.has(id));
  const byId = new Map(sendable.map((point) => [point.id, point]));
  return earlier.failures.flatMap(({ record, before: beforeId }) => {
    const point = byId.get(record.id);
    const before = byId.get(beforeId ?? '');
    return point ? [{ point, record, ...(before && { before }) }] : [];
  });
}

/** The points of the plan that have no verdict yet. @throws UsageError when the plan is another one */
export function pointsLeft(points: readonly RunPoint[], earlier: EarlierRun): readonly RunPoint[] {
  if (earlier.planned) refuseOtherPlan(points, earlier.planned);
  return points.filter(({ id }) => !earlier.verdicts.has(id));
}

function refuseOtherPlan(points: readonly RunPoint[], planned: readonly string[]): void {
  const ids = points.map(({ id }) => id);
  if (ids.length === planned.length && ids.every((id, index) => id === planned[index])) return;
  const now = new Set(ids);
  const then = new Set(planned);
  const differences = [
    ...some(
      planned.filter((id) => !now.has(id)),
      'gone',
    ),
    ...some(
      ids.filter((id) => !then.has(id)),
      'new',
    ),
  ];
  const what = differences.join(', and ') || 'the points stand in another order';
  throw new UsageError(
    `--resume: the plan is not that of the run any more: ${what}. Were devices, cases or providers ` +
      'changed since? Bring them back, or begin a new run.',
  );
}

const SHOWN = 3;

function some(ids: readonly string[], what: string): string[] {
  if (ids.length === 0) return [];
  const more = ids.length > SHOWN ? ', …' : '';
  return [`${ids.length} points are ${what} (${ids.slice(0, SHOWN).join(', ')}${more})`];
}
