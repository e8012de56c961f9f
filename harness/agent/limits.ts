import type { WirePoint } from '../protocol.ts';

/** How often a point that runs long is looked at. */
const LOOK_MS = 250;

/** The time is up. */
export class Expired extends Error {
  override name = 'Expired';
  readonly limitMs: number;
  /** Which limit: of the whole, or of the time without any activity. */
  readonly limit: 'time' | 'inactivity';

  constructor(limitMs: number, limit: 'time' | 'inactivity') {
    super(`no end within ${limitMs} ms`);
    this.limitMs = limitMs;
    this.limit = limit;
  }
}

/** @throws Expired */
export function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Expired(limitMs, 'time')), limitMs);
  });
  return Promise.race([work, expiry]).finally(() => clearTimeout(timer));
}

/** How a point that runs long is looked at. */
export interface Looks {
  /** Changes with every sign of life. */
  activity(): string;
  /** Throws when there is nothing left to wait for. */
  check(): void;
}

/**
 * Ends with the work, at the point's time limit, when nothing has changed for its inactivity limit
 * (no step, no call, no line in the kernel log), or when a look says that it is over.
 * @throws Expired, or what `check` throws
 */
export function withinActivity<T>(
  point: Pick<WirePoint, 'timeoutMs' | 'inactivityMs'>,
  looks: Looks,
  work: Promise<T>,
): Promise<T> {
  const watched = new WatchedWork(point, looks);
  watchedWorks.add(watched);
  return Promise.race([work, watched.givenUp]).finally(() => watchedWorks.delete(watched));
}

/** Work that is looked at now and then. */
class WatchedWork {
  readonly #limits: Pick<WirePoint, 'timeoutMs' | 'inactivityMs'>;
  readonly #looks: Looks;
  /** Never resolves. */
  readonly givenUp: Promise<never>;
  #giveUp: (error: unknown) => void = () => {};
  readonly #startedMs = performance.now();
  #last = '';
  #changedMs = this.#startedMs;
  #expiry: NodeJS.Timeout | undefined;

  constructor(limits: Pick<WirePoint, 'timeoutMs' | 'inactivityMs'>, looks: Looks) {
    this.#limits = limits;
    this.#looks = looks;
    this.givenUp = new Promise((_resolve, reject) => {
      this.#giveUp = reject;
    });
    this.#armBefore(2 * LOOK_MS);
  }

  /** Work that has just begun is not looked at: most of it is done before that is worth its time. */
  look(): void {
    this.#armBefore(LOOK_MS);
    const nowMs = performance.now();
    if (nowMs - this.#startedMs < LOOK_MS) return;
    try {
      this.#looks.check();
    } catch (error) {
      this.#giveUp(error);
    }
    const now = this.#looks.activity();
    if (now !== this.#last) this.#changedMs = nowMs;
    this.#last = now;
    const { inactivityMs } = this.#limits;
    const silent = nowMs - this.#changedMs >= inactivityMs;
    if (inactivityMs > 0 && silent) this.#giveUp(new Expired(inactivityMs, 'inactivity'));
  }

  disarm(): void {
    clearTimeout(this.#expiry);
  }

  /** A timer of its own only for work that reaches its limit before somebody looks again. */
  #armBefore(ms: number): void {
    const { timeoutMs } = this.#limits;
    const leftMs = this.#startedMs + timeoutMs - performance.now();
    if (leftMs > ms || this.#expiry !== undefined) return;
    this.#expiry = setTimeout(() => this.#giveUp(new Expired(timeoutMs, 'time')), leftMs);
  }
}

/**
 * All work under way, looked at by one timer, which goes when it finds none: starting and stopping
 * timers for every point would cost more than many a point.
 */
class WatchedWorks {
  readonly #works = new Set<WatchedWork>();
  #timer: NodeJS.Timeout | undefined;

  add(work: WatchedWork): void {
    this.#works.add(work);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  delete(work: WatchedWork): void {
    work.disarm();
    this.#works.delete(work);
  }

  #look(): void {
    for (const work of this.#works) work.look();
    if (this.#works.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

const watchedWorks = new WatchedWorks();
