import { constants } from 'node:os';
import { libc } from './sys-call.ts';
import { killSelf } from './sys-fork.ts';

/** A process that does not outlive the one that started it. */

/** prctl(2), not in the call log. */
export const prctl: (option: number, a: number, b: number, c: number, d: number) => number =
  libc.func(
    'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
  );

const PR_SET_PDEATHSIG = 1;

/**
 * Has the kernel kill this process when its parent dies, however it dies. To be called right at the
 * start, and again by every process that this one starts: children do not inherit it.
 *
 * @param parent who started this process; when that one is gone already, this process ends here
 * Source: kernel/sys.c, prctl(); kernel/exit.c, forget_original_parent()
 */
export function dieWithParent(parent: number): void {
  prctl(PR_SET_PDEATHSIG, constants.signals.SIGKILL, 0, 0, 0);
  // It may have died before the call: then nobody sends the signal any more.
  if (process.ppid !== parent) killSelf();
}
