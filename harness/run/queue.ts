/**
 * Which points go to the target, and whom a lost target is blamed on. Pure bookkeeping: it sends
 * nothing itself.
 */

/** A point that can be sent: all that the queue needs to know of it. */
export interface Queued {
  readonly id: string;
}

export interface Running<P extends Queued> {
  readonly point: P;
  readonly startedAt: string;
}

/** What a loss means. */
export interface Blame<P extends Queued> {
  /** The one point that was running, or that the target did not survive being sent. */
  readonly guilty?: Running<P>;
  /** Several were running: they will run again one at a time, so that only the guilty one is blamed. */
  readonly suspects: readonly P[];
}

/** Losses after which a point that never gets as far as `started` is blamed. */
const MAX_LOSSES_BEFORE_START = 3;

export class PointQueue<P extends Queued> {
  readonly #window: number;
  /** Those from `#next` on: taking from the front of a long list would move all the rest. */
  #waiting: P[];
  #next = 0;
  /** These run one at a time, with nothing beside them. */
  #suspects: P[] = [];
  readonly #wasSuspect = new Set<string>();
  /**
   * A few at a time, and lists because of that: Map replaces its table over and over when all its
   * entries are new ones, and each old table keeps the next alive until the whole heap is collected.
   */
  #sent: P[] = [];
  #running: Running<P>[] = [];
  readonly #lossesBeforeStart = new Map<string, number>();

  /** @param window points that may be on the target unanswered */
  constructor(points: readonly P[], window: number) {
    this.#waiting = [...points];
    this.#window = window;
  }

  get isEmpty(): boolean {
    return (
      this.#inFlight === 0 && this.#suspects.length === 0 && this.#next >= this.#waiting.length
    );
  }

  get runningCount(): number {
    return this.#running.length;
  }

  /** Points whose limits tell how long nothing may be heard: while some run, those. */
  get underWay(): readonly P[] {
    return this.#running.length > 0 ? this.#running.map(({ point }) => point) : this.#sent;
  }

  /** Points on the target that have not ended, running ones first. */
  get #onTarget(): readonly P[] {
    return [...this.#running.map(({ point }) => point), ...this.#sent];
  }

  get #inFlight(): number {
    return this.#running.length + this.#sent.length;
  }

  /** The points to send now; they count as sent. */
  takeSendable(): P[] {
    const points = this.#suspects.length > 0 ? this.#takeSuspect() : this.#fillWindow();
    this.#sent.push(...points);
    return points;
  }

  #takeSuspect(): P[] {
    if (this.#inFlight > 0) return [];
    return this.#suspects.splice(0, 1);
  }

  #fillWindow(): P[] {
    // The last suspect still runs alone when its list is empty.
    if (this.#wasSuspect.size > 0 && this.#onTarget.some(({ id }) => this.#wasSuspect.has(id))) {
      return [];
    }
    const count = Math.max(0, this.#window - this.#inFlight);
    const taken = this.#waiting.slice(this.#next, this.#next + count);
    this.#next += taken.length;
    return taken;
  }

  /** @returns undefined when no such point was sent */
  started(id: string, at: string): P | undefined {
    const point = takeFrom(this.#sent, (each) => each.id === id);
    if (point) this.#running.push({ point, startedAt: at });
    return point;
  }

  /** Takes a point off the target. A skip may come without `started`. */
  ended(id: string, now: string): Running<P> | undefined {
    const running = takeFrom(this.#running, ({ point }) => point.id === id);
    if (running) return running;
    const point = takeFrom(this.#sent, (each) => each.id === id);
    return point && { point, startedAt: now };
  }

  /** The target is gone: what had not started will be sent again, what was running is blamed. */
  lost(now: string): Blame<P> {
    const running = this.#running;
    const [first, ...others] = running;
    const unblamed = first ? undefined : this.#blameUnstarted(now);
    this.#running = [];
    this.#takeBackSent();
    if (!first) return { suspects: [], ...(unblamed && { guilty: unblamed }) };
    if (others.length === 0) return { guilty: first, suspects: [] };
    const suspects = running.map(({ point }) => point);
    this.#suspects.unshift(...suspects);
    for (const { id } of suspects) this.#wasSuspect.add(id);
    return { suspects };
  }

  /** The target is given up on purpose: all that it has runs again, what was running one at a time. */
  takeBack(): void {
    const running = this.#running.map(({ point }) => point);
    this.#running = [];
    this.#takeBackSent();
    this.#suspects.unshift(...running);
    for (const { id } of running) this.#wasSuspect.add(id);
  }

  /** Takes points that have not been sent out of the queue. */
  withdraw(isWanted: (point: P) => boolean): P[] {
    const waiting = this.#waiting.slice(this.#next);
    const taken = [...this.#suspects, ...waiting].filter(isWanted);
    this.#suspects = this.#suspects.filter((point) => !isWanted(point));
    this.#setWaiting(waiting.filter((point) => !isWanted(point)));
    return taken;
  }

  /** Gives up: all points that have no outcome, in order. */
  drop(): P[] {
    this.#takeBackSent();
    const running = this.#running.map(({ point }) => point);
    const points = [...running, ...this.#suspects, ...this.#waiting.slice(this.#next)];
    this.#running = [];
    this.#suspects = [];
    this.#setWaiting([]);
    return points;
  }

  #setWaiting(points: P[]): void {
    this.#waiting = points;
    this.#next = 0;
  }

  #takeBackSent(): void {
    const sent = this.#sent;
    this.#sent = [];
    this.#suspects.unshift(...sent.filter((point) => this.#wasSuspect.has(point.id)));
    const back = sent.filter((point) => !this.#wasSuspect.has(point.id));
    if (back.length > 0) this.#setWaiting([...back, ...this.#waiting.slice(this.#next)]);
  }

  #blameUnstarted(now: string): Running<P> | undefined {
    const [next] = this.#sent;
    if (!next) return undefined;
    const losses = (this.#lossesBeforeStart.get(next.id) ?? 0) + 1;
    this.#lossesBeforeStart.set(next.id, losses);
    if (losses < MAX_LOSSES_BEFORE_START) return undefined;
    this.#sent.shift();
    return { point: next, startedAt: now };
  }
}

/** Removes the first that is wanted, and gives it. */
function takeFrom<T>(list: T[], isWanted: (each: T) => boolean): T | undefined {
  const at = list.findIndex(isWanted);
  return at < 0 ? undefined : list.splice(at, 1)[0];
}
