import { constants } from 'node:os';
import koffi from 'koffi';
import { libc } from './sys-call.ts';

/**
 * Children of a process that does not go back to its event loop: node:child_process hears of an end
 * only there. Nothing of this is in the call log: it is no call of a case.
 */

const rawWaitpid: (pid: number, status: Uint8Array, options: number) => number = libc.func(
  'int waitpid(int pid, void *status, int options)',
);
const rawTgkill: (group: number, thread: number, signal: number) => number = libc.func(
  'int tgkill(int group, int thread, int signal)',
);

const WNOHANG = 1;
const LOOK_MS = 5;

/**
 * Takes the end of a child.
 *
 * @returns `exit`, `exit 1`, `SIGKILL`; undefined while it runs
 */
export function reap(pid: number): string | undefined {
  const status = Buffer.alloc(4);
  if (rawWaitpid(pid, status, WNOHANG) !== pid) return undefined;
  const word = status.readInt32LE();
  const signal = word & 0x7f;
  if (signal === 0) return word === 0 ? 'exit' : `exit ${(word >> 8) & 0xff}`;
  const [name] = Object.entries(constants.signals).find(([, number]) => number === signal) ?? [];
  return name ?? `signal ${signal}`;
}

/**
 * Sends a signal to the main thread of a process, where kill(2) might choose another.
 *
 * @returns an errno, ESRCH when it is gone
 */
export function signalMainThread(pid: number, signal: number): number {
  return rawTgkill(pid, pid, signal) < 0 ? koffi.errno() : 0;
}

/** Blocks this thread. */
export function sleepMs(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Looks until it is so, or the time is over. Blocks this thread. */
export function within(limitMs: number, isSo: () => boolean): boolean {
  const deadline = performance.now() + limitMs;
  for (;;) {
    if (isSo()) return true;
    if (performance.now() > deadline) return false;
    sleepMs(LOOK_MS);
  }
}
