/** What an agent knows only when no point is to come: memory that leaked over the run. */
import type { Target } from '../target.ts';
import { fatalError } from './connect.ts';
import type { Recorder } from './recorder.ts';
import type { Gone, Reached } from './target-keeper.ts';

/** A kernel with kmemleak scans all its memory twice. */
const ANSWER_MS = 60_000;

/**
 * Asks for it and records it. An agent that is lost meanwhile is no loss: every point has its record.
 * One that went with the last point knows nothing of the run any more.
 * @throws UsageError, InfraError when the agent gives up
 */
export async function takeLastNotes(
  at: Reached | Gone | undefined,
  target: Target,
  recorder: Pick<Recorder, 'note'>,
  signal: AbortSignal,
): Promise<void> {
  const without = () => {
    recorder.note(`${target.name} did not say at the end what leaked over the run`);
  };
  if (at === undefined || 'why' in at) return without();
  const { session } = at;
  session.send({ t: 'rest' });
  const timeoutMs = ANSWER_MS * target.timeoutScale;
  for (;;) {
    const event = await session.next({ timeoutMs, signal });
    if (event.kind === 'aborted') return;
    if (event.kind === 'lost' || event.kind === 'silence') return without();
    if (event.kind !== 'message') continue;
    const { message } = event;
    if (message.t === 'fatal') throw fatalError(message, target);
    if (message.t === 'note') recorder.note(message.text);
    if (message.t === 'rested') return;
  }
}
