/** What an agent knows only when no point is to come: memory that leaked over the run. */
import type { Target } from '../target.ts';
import type { AgentSession } from './agent-session.ts';
import { fatalError } from './connect.ts';
import type { Recorder } from './recorder.ts';

/** A kernel with kmemleak scans all its memory twice. */
const ANSWER_MS = 60_000;

/**
 * Asks for it and records it. An agent that is lost meanwhile is no loss: every point has its record.
 * @throws UsageError, InfraError when the agent gives up
 */
export async function takeLastNotes(
  session: AgentSession,
  target: Target,
  recorder: Pick<Recorder, 'note'>,
  signal: AbortSignal,
): Promise<void> {
  session.send({ t: 'rest' });
  const timeoutMs = ANSWER_MS * target.timeoutScale;
  for (;;) {
    const event = await session.next({ timeoutMs, signal });
    if (event.kind === 'aborted') return;
    if (event.kind === 'lost' || event.kind === 'silence') {
      return recorder.note(`${target.name} did not say at the end what leaked over the run`);
    }
    if (event.kind !== 'message') continue;
    const { message } = event;
    if (message.t === 'fatal') throw fatalError(message, target);
    if (message.t === 'note') recorder.note(message.text);
    if (message.t === 'rested') return;
  }
}
