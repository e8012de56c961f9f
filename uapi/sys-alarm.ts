import { libc } from './sys-call.ts';

/**
 * A limit for a system call that may wait for a lock of the kernel's: signals that interrupt the wait,
 * which then ends with EINTR. Of use only where the kernel waits interruptibly.
 */

const rawSetitimer: (which: number, value: BigInt64Array, old: null) => number = libc.func(
  'int setitimer(int which, void *value, void *old)',
);

/** Source: include/uapi/linux/time.h */
const ITIMER_REAL = 0;

/** struct itimerval: interval and first expiry, each in seconds and microseconds. */
const off = new BigInt64Array(4);
const on = new BigInt64Array(4);

let isHandled = false;

/**
 * Runs `work`, interrupting its system calls with SIGALRM each `limitMs` from now on until it ends:
 * again and again, since one signal may come just before the call.
 */
export function interrupting<T>(limitMs: number, work: () => T): T {
  if (!isHandled) process.on('SIGALRM', () => {});
  isHandled = true;
  const [seconds, microseconds] = [Math.floor(limitMs / 1000), (limitMs % 1000) * 1000];
  on.set([seconds, microseconds, seconds, microseconds].map(BigInt));
  rawSetitimer(ITIMER_REAL, on, null);
  try {
    return work();
  } finally {
    rawSetitimer(ITIMER_REAL, off, null);
  }
}
