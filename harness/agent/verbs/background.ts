import { constants } from 'node:os';
import { signalMainThread, sleepMs } from '../../../uapi/sys-child.ts';
import { durationMs } from '../duration.ts';
import type { PeerProcess } from '../peer-process.ts';
import type { PeerEnd } from '../peer-protocol.ts';
import { CaseDefect, type ProcessValue } from '../values.ts';
import {
  type Arguments,
  gave,
  gaveFields,
  type PointContext,
  refused,
  type VerbResult,
} from '../verb.ts';
import { judgeEnd, noteDestroyed } from './peer-end.ts';

/**
 * Processes that run steps while the point goes on, and what such steps are for: to do something
 * while the point is in a call, or to interrupt that call.
 */

/** Of the signals that nobody else uses here. */
const INTERRUPTING = 'SIGUSR2';

/**
 * Gives the process for a join, and ends it with the point if there was none.
 *
 * @param waitsForAll it cannot be ended before all that the point has is given back
 */
export function keepInBackground(
  peer: PeerProcess,
  expected: PeerEnd,
  { release }: PointContext,
  waitsForAll = false,
): VerbResult {
  const value: ProcessValue = { kind: 'process', peer, expected, joined: false };
  const end = () => {
    if (!value.joined) release.stayed(unjoinedFailure(value));
    return 0;
  };
  if (waitsForAll) release.pushLast(`process ${peer.pid}`, end);
  else release.push(`process ${peer.pid}`, end);
  return gave(value);
}

/** What went wrong in a process until it was ended: texts, for there is no step to blame any more. */
function unjoinedFailure(value: ProcessValue): readonly string[] {
  try {
    const result = outcomeOf(value, true, { failInside: reported });
    if (result?.kind !== 'mismatch') return [];
    return [`a background process: ${result.actual} (expected: ${result.expected})`];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

function reported(failure: { readonly step: string; expected: string; actual: string }) {
  const actual = `step ${failure.step}: ${failure.actual}`;
  return { kind: 'mismatch', expected: failure.expected, actual } as const;
}

/** Takes the outcome, once. */
function outcomeOf(
  value: ProcessValue,
  stop: boolean,
  context: Pick<PointContext, 'failInside'> & Partial<Pick<PointContext, 'scope'>>,
): VerbResult | undefined {
  value.joined = true;
  const ended = value.peer.finish(stop);
  if (context.scope !== undefined) noteDestroyed(ended.output, context.scope);
  return judgeEnd(value.expected, ended, context);
}

export function join(args: Arguments<'join'>, context: PointContext): VerbResult {
  const value = context.scope.value(args.process, 'process');
  if (value.joined) throw new CaseDefect(`${args.process} was joined before`);
  return outcomeOf(value, args.stop ?? false, context) ?? gaveFields();
}

export function sleep(args: Arguments<'sleep'>): VerbResult {
  sleepMs(durationMs(args));
  return gaveFields();
}

/** Interrupts whoever started this process, in the thread that runs its steps. */
export function interrupt(args: Arguments<'interrupt'>): VerbResult {
  const everyMs = durationMs(args.every);
  const { times = Number.POSITIVE_INFINITY } = args;
  for (let round = 0; round < times; round++) {
    sleepMs(everyMs);
    const errno = signalMainThread(process.ppid, constants.signals[INTERRUPTING]);
    if (errno !== 0) return refused({ errno, call: 'tgkill' });
  }
  return gaveFields();
}

let survives = false;

/**
 * Has the signal handled: node does that with SA_RESTART, and its handler only writes to a pipe. A
 * call that sleeps interruptibly therefore sees a pending signal; the kernel runs the handler and
 * starts the call again with the arguments that lie in memory by then (ERESTARTSYS), or answers EINTR
 * (poll, and drivers that say EINTR themselves). Source: arch/x86/kernel/signal.c, handle_signal()
 */
export function surviveInterrupts(): void {
  if (survives) return;
  survives = true;
  process.on(INTERRUPTING, () => {
    // That the call was interrupted is all that is wanted.
  });
}
