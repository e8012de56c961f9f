import { hardwareOf } from '../hardware.ts';
import type { WirePoint } from '../protocol.ts';

/** Which of the waiting points may start: pure bookkeeping of devices, lanes and their number. */
export class Scheduler {
  readonly #waiting: WirePoint[] = [];
  readonly #running = new Set<WirePoint>();
  /** Devices of the points that run; no two of these share one. */
  readonly #busy = new Set<string>();
  readonly #jobs: number;

  /** @param jobs points that may run side by side, at least 1 */
  constructor(jobs: number) {
    this.#jobs = jobs;
  }

  add(point: WirePoint): void {
    this.#waiting.push(point);
  }

  get running(): ReadonlySet<WirePoint> {
    return this.#running;
  }

  /** Takes the first point that may start now: no device shared with one that runs. */
  next(): WirePoint | undefined {
    if (this.#running.size >= this.#jobs || this.#isAlone()) return undefined;
    for (const [index, point] of this.#waiting.entries()) {
      if (this.#conflicts(point)) {
        // Whoever wants to be alone must not be overtaken for ever.
        if (point.exclusive) return undefined;
        continue;
      }
      this.#waiting.splice(index, 1);
      this.#running.add(point);
      for (const address of Object.values(point.devices)) this.#busy.add(hardwareOf(address));
      return point;
    }
    return undefined;
  }

  finish(point: WirePoint): void {
    this.#running.delete(point);
    for (const address of Object.values(point.devices)) this.#busy.delete(hardwareOf(address));
  }

  /** Takes out all that has not started. */
  cancel(): readonly WirePoint[] {
    return this.#waiting.splice(0);
  }

  #isAlone(): boolean {
    return [...this.#running].some((point) => point.exclusive);
  }

  #conflicts(point: WirePoint): boolean {
    if (point.exclusive) return this.#running.size > 0;
    return Object.values(point.devices).some((address) => this.#busy.has(hardwareOf(address)));
  }
}
