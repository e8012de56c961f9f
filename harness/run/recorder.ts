/** Writes what the run loop finds out into the journal and tells whoever watches. */
import type { PointRecord, TargetRecord, Verdict } from '../../reports/results.ts';
import type { Journal } from '../journal.ts';
import { applyExpectation, applyRequired, type Judgement, judge } from '../judge.ts';
import type { WireOutcome } from '../protocol.ts';
import type { TargetLoss } from '../target.ts';
import type { RunPoint, SendablePoint } from './run-point.ts';

/** Whoever shows a run while it goes on. Everything told here is in the journal already. */
export interface RunWatcher {
  /** News outside points: booting, connecting. */
  say(line: string): void;
  target(record: TargetRecord): void;
  planned(total: number): void;
  started(id: string): void;
  point(record: PointRecord): void;
  /** More is known of a point that was told before. */
  amended(record: PointRecord): void;
  note(text: string): void;
}

export class Recorder {
  readonly #journal: Journal;
  readonly #watcher: RunWatcher;
  readonly #verdicts: Map<string, Verdict>;

  /** @param earlier verdicts by point that the journal has already, of a run that goes on */
  constructor(journal: Journal, watcher: RunWatcher, earlier: Iterable<[string, Verdict]> = []) {
    this.#journal = journal;
    this.#watcher = watcher;
    this.#verdicts = new Map(earlier);
  }

  get verdicts(): readonly Verdict[] {
    return [...this.#verdicts.values()];
  }

  target(record: TargetRecord): void {
    this.#journal.append(record);
    this.#watcher.target(record);
  }

  plan(points: readonly RunPoint[]): void {
    this.#journal.append({ type: 'plan', points: points.map(({ id }) => id) });
  }

  /** How many points are still to come. */
  planned(total: number): void {
    this.#watcher.planned(total);
  }

  started(id: string, at: string, lane: number): void {
    this.#journal.append({ type: 'started', id, at, lane });
    this.#watcher.started(id);
  }

  note(text: string): void {
    this.#journal.append({ type: 'note', at: now(), text });
    this.#watcher.note(text);
  }

  /** Judges and records an outcome; one that was cancelled leaves no record. */
  outcome(point: SendablePoint, at: string, outcome: WireOutcome): PointRecord | undefined {
    const judgement = judge(outcome, point.todo.wireCase, point.expectation);
    if (!judgement) return undefined;
    const { durationMs, steps, callCounts } = outcome;
    return this.#point({
      ...base(point, at, judgement),
      durationMs,
      steps,
      ...(callCounts && { callCounts }),
      ...(judgement.verdict !== 'pass' && evidence(outcome)),
    });
  }

  /** Records a point without an outcome: skipped by the plan, or lost with the target. */
  judged(point: RunPoint, at: string, judgement: Judgement, loss?: TargetLoss): PointRecord {
    const hasRun = judgement.verdict !== 'skip';
    return this.#point({
      ...base(point, at, judgement),
      durationMs: hasRun ? Math.max(0, Date.now() - Date.parse(at)) : 0,
      steps: 0,
      ...(loss?.console && { console: loss.console }),
    });
  }

  /** Records a point that ran while the host itself went away: how long it took, nobody knows. */
  interrupted(point: RunPoint, at: string): void {
    const reason = 'the run ended while this point ran';
    const judgement = applyExpectation({ verdict: 'crash', reason }, point.expectation);
    this.#point({ ...base(point, at, judgement), durationMs: 0, steps: 0 });
  }

  /** A record that stands in place of the point's earlier one: more is known of it now. */
  amend(record: PointRecord): void {
    this.#journal.append(record);
    this.#verdicts.set(record.id, record.verdict);
    this.#watcher.amended(record);
  }

  #point(record: PointRecord): PointRecord {
    this.#journal.append(record);
    this.#verdicts.set(record.id, record.verdict);
    this.#watcher.point(record);
    return record;
  }
}

/** All times of a journal come from the host's clock, so that they can be compared. */
export function now(): string {
  return new Date().toISOString();
}

function base(
  point: RunPoint,
  at: string,
  judgement: Judgement,
): Omit<PointRecord, 'durationMs' | 'steps'> {
  const judged = point.required ? applyRequired(judgement, point.required) : judgement;
  return { type: 'point', id: point.id, ...point.text, at, ...judged };
}

/** What helps to understand a bad end; left out of records of passes, where it would be most of a journal. */
function evidence(outcome: WireOutcome): Partial<PointRecord> {
  return {
    ...(outcome.kernelLog.length > 0 && { kernelLog: outcome.kernelLog }),
    ...(outcome.calls && { calls: outcome.calls }),
  };
}
