import { tryAskForNoSignals, tryAskForSignals, tryTakeSignal } from '../../../uapi/sys-signal.ts';
import { durationMs } from '../duration.ts';
import {
  type Arguments,
  fdOf,
  finished,
  gaveFields,
  type PointContext,
  refused,
  type VerbResult,
} from '../verb.ts';

/** Verbs of signals that files send (O_ASYNC). */

export function fileSignals(args: Arguments<'fileSignals'>, context: PointContext): VerbResult {
  const fd = fdOf(args.fd, context);
  if (args.off === true) return finished(tryAskForNoSignals(fd), 'fcntl F_SETFL');
  context.release.push(`signals of fd ${fd}`, takeAll);
  return finished(tryAskForSignals(fd), 'fcntl F_SETFL O_ASYNC');
}

/** The next point of this process starts without signals. */
function takeAll(): number {
  while (tryTakeSignal(0).ok);
  return 0;
}

export function takeSignal(args: Arguments<'takeSignal'>): VerbResult {
  const taken = tryTakeSignal(durationMs(args.timeout ?? '0ms'));
  if (!taken.ok) return refused({ errno: taken.errno, call: 'sigtimedwait' });
  return gaveFields({ fd: taken.value.fd });
}
