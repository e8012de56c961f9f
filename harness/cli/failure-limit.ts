import type { PointRecord, TargetRecord } from '../../reports/results.ts';
import { GATING } from '../../reports/results.ts';
import type { RunWatcher } from '../run/recorder.ts';
import type { StopSignals } from '../run/stop-signals.ts';

/** Watches a run and ends it after so many surprises; tells all it hears to another watcher. */
export class FailureLimit implements RunWatcher {
  readonly #inner: RunWatcher;
  readonly #limit: number;
  readonly #stop: StopSignals;
  #surprises = 0;

  constructor(inner: RunWatcher, limit: number, stop: StopSignals) {
    this.#inner = inner;
    this.#limit = limit;
    this.#stop = stop;
  }

  point(record: PointRecord): void {
    this.#inner.point(record);
    if (!GATING.has(record.verdict) || ++this.#surprises < this.#limit) return;
    const surprises = this.#limit === 1 ? 'the first surprise' : `${this.#limit} surprises`;
    const option = this.#limit === 1 ? '--fail-fast' : `--max-failures ${this.#limit}`;
    this.#stop.end(`stopped after ${surprises} (${option})`);
  }

  say(line: string): void {
    this.#inner.say(line);
  }

  target(record: TargetRecord): void {
    this.#inner.target(record);
  }

  planned(total: number): void {
    this.#inner.planned(total);
  }

  started(id: string): void {
    this.#inner.started(id);
  }

  amended(record: PointRecord): void {
    this.#inner.amended(record);
  }

  note(text: string): void {
    this.#inner.note(text);
  }
}
