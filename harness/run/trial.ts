/** Runs one point with nothing beside it and gives its verdict; what becomes of it is the caller's. */

import type { WireOutcome } from '../protocol.ts';
import type { Target, TargetLoss } from '../target.ts';
import type { AgentSession } from './agent-session.ts';
import { fatalError } from './connect.ts';
import { now, type Recorder } from './recorder.ts';
import type { SendablePoint } from './run-point.ts';
import { silenceLimitMs, silenceLoss } from './silence.ts';

export type TrialEnd =
  | { readonly kind: 'ended'; readonly outcome: WireOutcome }
  | { readonly kind: 'lost'; readonly loss: TargetLoss; readonly wasSilent: boolean }
  | { readonly kind: 'stopped' };

export interface TrialSettings {
  readonly target: Target;
  readonly recorder: Recorder;
  readonly signal: AbortSignal;
}

/**
 * Sends the point and waits for its end. That it started is in the journal, as always.
 * @throws UsageError, InfraError when the agent gives up
 */
export async function tryPoint(
  session: AgentSession,
  point: SendablePoint,
  { target, recorder, signal }: TrialSettings,
): Promise<TrialEnd> {
  session.send({ t: 'case', case: point.todo.wireCase });
  session.send({ t: 'point', point: point.todo.wire });
  const timeoutMs = silenceLimitMs([point], target);
  for (;;) {
    const event = await session.next({ timeoutMs, signal });
    if (event.kind === 'aborted') return { kind: 'stopped' };
    if (event.kind === 'lost') return { kind: 'lost', loss: event.loss, wasSilent: false };
    if (event.kind === 'silence') {
      return { kind: 'lost', loss: silenceLoss(timeoutMs), wasSilent: true };
    }
    if (event.kind !== 'message') continue;
    const { message } = event;
    if (message.t === 'fatal') throw fatalError(message, target);
    if (message.t === 'note') recorder.note(message.text);
    if (message.t === 'started' && message.id === point.id) {
      recorder.started(point.id, now(), message.lane);
    }
    if (message.t === 'outcome' && message.outcome.id === point.id) {
      return { kind: 'ended', outcome: message.outcome };
    }
  }
}
