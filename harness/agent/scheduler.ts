import { hardwareOf } from '../hardware.ts';
import type { WirePoint } from '../protocol.ts';

/** A point in the order in which points came. */
interface Waiting {
  readonly point: WirePoint;
  readonly turn: number;
}

/** Points on the same devices wait in one line: of these only the first is ever of interest. */
interface Line {
  readonly devices: ReadonlySet<string>;
  readonly points: Waiting[];
}

/**
 * Which of the waiting points may start: pure bookkeeping of devices, lanes and their number. Hundreds
 * may wait, mostly on a few devices, and it is asked after each point.
 */
export class Scheduler {
  readonly #jobs: number;
  readonly #lines = new Map<string, Line>();
  /** These run with nothing beside them. */
  readonly #exclusive: Waiting[] = [];
  readonly #running = new Map<WirePoint, ReadonlySet<string>>();
  #turns = 0;

  /** @param jobs points that may run side by side, at least 1 */
  constructor(jobs: number) {
    this.#jobs = jobs;
  }

  add(point: WirePoint): void {
    const waiting = { point, turn: this.#turns++ };
    if (point.exclusive) this.#exclusive.push(waiting);
    else this.#lineOf(point).points.push(waiting);
  }

  get running(): ReadonlySet<WirePoint> {
    return new Set(this.#running.keys());
  }

  /** Takes the first point that may start now: no device shared with one that runs. */
  next(): WirePoint | undefined {
    if (this.#running.size >= this.#jobs || this.#isAlone()) return undefined;
    // Whoever wants to be alone must not be overtaken for ever.
    const [alone] = this.#exclusive;
    const line = this.#firstLine(alone?.turn ?? this.#turns);
    const waiting = line?.points.shift() ?? this.#takeAlone();
    if (waiting === undefined) return undefined;
    this.#running.set(waiting.point, line?.devices ?? devicesOf(waiting.point));
    return waiting.point;
  }

  finish(point: WirePoint): void {
    this.#running.delete(point);
  }

  /** Takes out all that has not started, in the order in which it came. */
  cancel(): readonly WirePoint[] {
    const waiting = [...this.#lines.values()].flatMap(({ points }) => points.splice(0));
    waiting.push(...this.#exclusive.splice(0));
    return waiting.sort((a, b) => a.turn - b.turn).map(({ point }) => point);
  }

  #lineOf(point: WirePoint): Line {
    const addresses = Object.values(point.devices);
    const key = addresses.join(' ');
    const line = this.#lines.get(key) ?? { devices: devicesOf(point), points: [] };
    this.#lines.set(key, line);
    return line;
  }

  /** Of those whose devices are free the one whose first point came first, before `limit`. */
  #firstLine(limit: number): Line | undefined {
    let found: Line | undefined;
    let turn = limit;
    for (const line of this.#lines.values()) {
      const [first] = line.points;
      if (first === undefined || first.turn >= turn || this.#isBusy(line)) continue;
      found = line;
      turn = first.turn;
    }
    return found;
  }

  #takeAlone(): Waiting | undefined {
    return this.#running.size === 0 ? this.#exclusive.shift() : undefined;
  }

  #isAlone(): boolean {
    return [...this.#running.keys()].some((point) => point.exclusive);
  }

  #isBusy({ devices }: Line): boolean {
    for (const busy of this.#running.values()) {
      for (const device of devices) if (busy.has(device)) return true;
    }
    return false;
  }
}

function devicesOf({ devices }: WirePoint): ReadonlySet<string> {
  return new Set(Object.values(devices).map(hardwareOf));
}
