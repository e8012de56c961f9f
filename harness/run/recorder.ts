/** Writes what the run loop finds out into the journal and tells whoever watches. */
import type { PointRecord, TargetRecord, Verdict } from '../../reports/results.ts';
import type { Journal } from '../journal.ts';
import { type Judgement, judge } from '../judge.ts';
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
  note(text: string): void;
}

export class Recorder {
  readonly #journal: Journal;
  readonly #watcher: RunWatcher;
  readonly verdicts: Verdict[] = [];

  constructor(journal: Journal, watcher: RunWatcher) {
    this.#journal = journal;
    this.#watcher = watcher;
  }

  target(record: TargetRecord): void {
    this.#journal.append(record);
    this.#watcher.target(record);
  }

  plan(points: readonly RunPoint[]): void {
    this.#journal.append({ type: 'plan', points: points.map(({ id }) => id) });
    this.#watcher.planned(points.length);
  }

  started(id: string, at: string): void {
    this.#journal.append({ type: 'started', id, at });
    this.#watcher.started(id);
  }

  note(text: string): void {
    this.#journal.append({ type: 'note', at: now(), text });
    this.#watcher.note(text);
  }

  /** Judges and records an outcome; one that was cancelled leaves no record. */
  outcome(point: SendablePoint, at: string, outcome: WireOutcome): void {
    const judgement = judge(outcome, point.todo.wireCase, point.expectation);
    if (!judgement) return;
    const { durationMs, steps, callCounts } = outcome;
    this.#point({
      ...base(point, at, judgement),
      durationMs,
      steps,
      ...(callCounts && { callCounts }),
      ...(judgement.verdict !== 'pass' && evidence(outcome)),
    });
  }

  /** Records a point without an outcome: skipped by the plan, or lost with the target. */
  judged(point: RunPoint, at: string, judgement: Judgement, loss?: TargetLoss): void {
    const hasRun = judgement.verdict !== 'skip';
    this.#point({
      ...base(point, at, judgement),
      durationMs: hasRun ? Math.max(0, Date.now() - Date.parse(at)) : 0,
      steps: 0,
      ...(loss?.console && { console: loss.console }),
    });
  }

  #point(record: PointRecord): void {
    this.#journal.append(record);
    this.verdicts.push(record.verdict);
    this.#watcher.point(record);
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
  return { type: 'point', id: point.id, ...point.text, at, ...judgement };
}

/** What helps to understand a bad end; left out of records of passes, where it would be most of a journal. */
function evidence(outcome: WireOutcome): Partial<PointRecord> {
  return {
    ...(outcome.kernelLog.length > 0 && { kernelLog: outcome.kernelLog }),
    ...(outcome.calls && { calls: outcome.calls }),
  };
}
