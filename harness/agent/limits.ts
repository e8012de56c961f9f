import type { WirePoint } from '../protocol.ts';

/** How often a point that runs long is looked at for signs of life. */
const LOOK_MS = 500;

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

/**
 * Ends with the work, at the point's time limit, or when nothing has changed for its inactivity
 * limit: no step, no call, no line in the kernel log.
 * @throws Expired
 */
export function withinActivity<T>(
  point: Pick<WirePoint, 'timeoutMs' | 'inactivityMs'>,
  activity: () => string,
  work: Promise<T>,
): Promise<T> {
  const { inactivityMs } = point;
  if (inactivityMs === 0 || inactivityMs >= point.timeoutMs) return within(point.timeoutMs, work);
  let looks: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    let last = '';
    let since = performance.now();
    looks = setInterval(() => {
      const now = activity();
      if (now !== last) since = performance.now();
      last = now;
      if (performance.now() - since >= inactivityMs)
        reject(new Expired(inactivityMs, 'inactivity'));
    }, LOOK_MS);
  });
  return within(point.timeoutMs, Promise.race([work, silence])).finally(() => clearInterval(looks));
}
