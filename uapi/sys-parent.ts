import { constants } from 'node:os';
import { killSelf } from './sys-fork.ts';
import { prctl } from './sys-raw.ts';

/** A process that does not outlive the one that started it. */

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
