/** A run that was cut short, as its journal tells it. Apart, since reading journals is slow to load. */
import { readRecords } from '../../reports/journal.ts';
import type {
  JournalRecord,
  PointRecord,
  RunRecord,
  StartedRecord,
  Verdict,
} from '../../reports/results.ts';
import type { EarlierFailure, EarlierRun } from './earlier-run.ts';
import { LaneHistory } from './lane-history.ts';
import { isWorthALook, MAX_RERUN } from './second-looks.ts';

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
  #history = new LaneHistory<{ readonly id: string }>();

  saw(record: JournalRecord): void {
    // Another agent has other lanes.
    if (record.type === 'target') this.#history = new LaneHistory();
    if (record.type === 'started') this.#started(record);
    if (record.type === 'point') this.#ended(record);
  }

  #started({ id, lane = 0 }: StartedRecord): void {
    // What runs once more may be what took the host down: one look has to do.
    this.#failures.delete(id);
    this.#history.started({ id }, lane);
  }

  #ended(record: PointRecord): void {
    const { id } = record;
    const before = this.#history.ended(record)?.id;
    const isAgain = this.#seen.has(id);
    this.#seen.add(id);
    if (isAgain) this.#failures.delete(id);
    if (isAgain || !isWorthALook(record, ANY_LOOK) || this.#failures.size >= MAX_RERUN) return;
    this.#failures.set(id, { record, ...(before !== undefined && { before }) });
  }

  left(): readonly EarlierFailure[] {
    return [...this.#failures.values()];
  }
}
