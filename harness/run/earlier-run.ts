/** A run that was cut short, as its journal tells it: what `--resume` goes on from. */
import { readRecords } from '../../reports/journal.ts';
import type { JournalRecord, PointRecord, RunRecord, Verdict } from '../../reports/results.ts';
import { UsageError } from '../errors.ts';
import { isSendable, type RunPoint } from './run-point.ts';
import { type Failure, isWorthALook, MAX_RERUN } from './second-looks.ts';

/** A failure that nobody looked at a second time, and what ran before it on the same device. */
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

/** @throws JournalError */
export function readEarlierRun(path: string): EarlierRun {
  const verdicts = new Map<string, Verdict>();
  const killed = new Map<string, string>();
  const open = new Map<string, string>();
  const failures = new EarlierFailures();
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
    if (!('id' in record && killed.has(record.id))) failures.saw(record);
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
  const found = { header, verdicts, killed, failures: failures.left(), isComplete };
  return { ...found, ...(planned && { planned }) };
}

/** All second looks are wanted: whether there are any is the policy's business. */
const ANY_LOOK = { reruns: 1, investigate: true };

/** Collects the failures of a journal, but those that were looked at again. */
class EarlierFailures {
  readonly #failures = new Map<string, EarlierFailure>();
  readonly #seen = new Set<string>();
  /** By first device, which has a worker of its own: what ended there last. */
  readonly #last = new Map<string, string>();

  saw(record: JournalRecord): void {
    // What runs once more may be what took the host down: one look has to do.
    if (record.type === 'started') this.#failures.delete(record.id);
    if (record.type !== 'point') return;
    const { id, verdict, devices } = record;
    const isAgain = this.#seen.has(id);
    if (isAgain) this.#failures.delete(id);
    if (isAgain || verdict === 'skip') return;
    this.#seen.add(id);
    const lane = Object.values(devices)[0] ?? '';
    const before = this.#last.get(lane);
    this.#last.set(lane, id);
    if (!isWorthALook(record, ANY_LOOK) || this.#failures.size >= MAX_RERUN) return;
    this.#failures.set(id, { record, ...(before !== undefined && { before }) });
  }

  left(): readonly EarlierFailure[] {
    return [...this.#failures.values()];
  }
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
