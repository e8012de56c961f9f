import type { SendablePoint } from './run-point.ts';

/** Which point ran before which on the same worker; the agent has one for each first device. */
export class LaneHistory {
  readonly #last = new Map<string, SendablePoint>();
  readonly #before = new Map<string, SendablePoint>();

  started(point: SendablePoint): void {
    const lane = Object.values(point.todo.wire.devices)[0] ?? '';
    const last = this.#last.get(lane);
    if (last) this.#before.set(point.id, last);
    this.#last.set(lane, point);
  }

  /** @returns the point that ran before it */
  ended(point: SendablePoint): SendablePoint | undefined {
    const before = this.#before.get(point.id);
    this.#before.delete(point.id);
    return before;
  }
}
