/** A run that was cut short, as its journal tells it: what `--resume` goes on from. */
import { readRecords } from '../../reports/journal.ts';
import type { RunRecord, Verdict } from '../../reports/results.ts';
import { UsageError } from '../errors.ts';
import type { RunPoint } from './run-point.ts';

export interface EarlierRun {
  readonly header: RunRecord;
  /** Absent where the run ended before it had a plan. */
  readonly planned?: readonly string[];
  /** Of the points that have one, as they stand last. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** When the points started that ran while the host itself went away, by their ids. */
  readonly killed: ReadonlyMap<string, string>;
  readonly isComplete: boolean;
}

/** @throws JournalError */
export function readEarlierRun(path: string): EarlierRun {
  const verdicts = new Map<string, Verdict>();
  const killed = new Map<string, string>();
  const open = new Map<string, string>();
  let header: RunRecord | undefined;
  let planned: readonly string[] | undefined;
  let outcome: string | undefined;
  /** A run that says its end has ended its points too: those may run again without a risk. */
  const endOfProcess = () => {
    if (outcome === undefined) for (const [id, at] of open) killed.set(id, at);
    open.clear();
  };
  for (const record of readRecords(path)) {
    if (record.type === 'run') {
      endOfProcess();
      header ??= record;
    }
    outcome = record.type === 'end' ? record.outcome : undefined;
    if (record.type === 'plan') planned ??= record.points;
    if (record.type === 'started' && !verdicts.has(record.id)) open.set(record.id, record.at);
    if (record.type === 'point') {
      verdicts.set(record.id, record.verdict);
      open.delete(record.id);
      killed.delete(record.id);
    }
  }
  endOfProcess();
  if (!header) throw new Error(`${path}: a journal without a run record was read`);
  const isComplete = outcome === 'complete';
  return { header, verdicts, killed, isComplete, ...(planned && { planned }) };
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
