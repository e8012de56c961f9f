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
  const { inactivityMs } = point;
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    let last = '';
    let since = performance.now();
    timer = setInterval(() => {
      try {
        looks.check();
      } catch (error) {
        reject(error);
      }
      const now = looks.activity();
      if (now !== last) since = performance.now();
      last = now;
      const silent = performance.now() - since >= inactivityMs;
      if (inactivityMs > 0 && silent) reject(new Expired(inactivityMs, 'inactivity'));
    }, LOOK_MS);
  });
  return within(point.timeoutMs, Promise.race([work, ended])).finally(() => clearInterval(timer));
}
