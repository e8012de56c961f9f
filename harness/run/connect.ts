/** From a target to an agent that answers: connect, greet, discover, probe. */
import type { DeviceRecord } from '../../reports/results.ts';
import { InfraError, UsageError } from '../errors.ts';
import { type AgentMessage, PROTOCOL_VERSION } from '../protocol.ts';
import type { Target, TargetLoss } from '../target.ts';
import { AgentSession } from './agent-session.ts';
import { Stopped, unlessStopped } from './unless-stopped.ts';

/** How long an answer outside points may take, before the target's own factor. */
const ANSWER_MS = 60_000;

export type Hello = Extract<AgentMessage, { t: 'hello' }>;

/** What the agent is told when it is greeted. */
export interface AgentOptions {
  /** Provider folders outside the tree, as the target sees them; known once it is connected. */
  readonly providers: () => readonly string[];
  readonly jobs: number;
  readonly isolate: boolean;
}

/** An agent that has said hello. */
export interface Greeted {
  readonly session: AgentSession;
  readonly hello: Hello;
}

/**
 * Connects to the target and greets its agent.
 * @throws InfraError when there is no agent or it speaks another protocol; Stopped on the signal
 */
export async function greet(
  target: Target,
  options: AgentOptions,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Greeted> {
  const session = new AgentSession(await connectUnlessStopped(target, say, signal));
  try {
    session.send({
      t: 'hello',
      protocol: PROTOCOL_VERSION,
      providers: options.providers(),
      jobs: options.jobs,
      isolate: options.isolate,
    });
    const hello = await answer(session, target, 'hello', say, signal);
    assertProtocol(hello, target);
    return { session, hello };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** The devices that sysfs shows; opens none. */
export async function discover(
  session: AgentSession,
  target: Target,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<readonly DeviceRecord[]> {
  session.send({ t: 'discover' });
  return (await answer(session, target, 'devices', say, signal)).devices;
}

/** Opens the devices and finds out what they can do. */
export async function probe(
  session: AgentSession,
  target: Target,
  addresses: readonly string[],
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<readonly DeviceRecord[]> {
  if (addresses.length === 0) return [];
  session.send({ t: 'probe', addresses });
  return (await answer(session, target, 'probed', say, signal)).devices;
}

async function connectUnlessStopped(
  target: Target,
  say: (line: string) => void,
  signal: AbortSignal,
): ReturnType<Target['connect']> {
  if (signal.aborted) throw new Stopped();
  const connecting = target.connect(say, signal);
  try {
    return await unlessStopped(connecting, signal);
  } catch (error) {
    if (error instanceof Stopped) {
      connecting.then(
        (late) => late.close(),
        () => {},
      );
    }
    throw error;
  }
}

type AnswerType = 'hello' | 'devices' | 'probed';

async function answer<T extends AnswerType>(
  session: AgentSession,
  target: Target,
  type: T,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Extract<AgentMessage, { t: T }>> {
  for (;;) {
    const timeoutMs = ANSWER_MS * target.timeoutScale;
    const event = await session.next({ timeoutMs, signal });
    switch (event.kind) {
      case 'message': {
        const { message } = event;
        if (isOfType(message, type)) return message;
        if (message.t === 'fatal') throw fatalError(message, target);
        if (message.t === 'note') say(message.text);
        break;
      }
      case 'stray':
        say(`${target.name}: ${event.line}`);
        break;
      case 'lost':
        throw new InfraError(lossText(target, event.loss));
      case 'silence':
        throw new InfraError(
          `${target.name}: the agent gave no '${type}' within ${timeoutMs / 1000} s. ` +
            'Is the machine overloaded? --timeout-scale 4 waits longer.',
        );
      case 'aborted':
        throw new Stopped();
    }
  }
}

function isOfType<T extends AgentMessage['t']>(
  message: AgentMessage,
  type: T,
): message is Extract<AgentMessage, { t: T }> {
  return message.t === type;
}

/** The error that an agent gave up with, as ours. */
export function fatalError(
  message: Extract<AgentMessage, { t: 'fatal' }>,
  target: Target,
): UsageError | InfraError {
  return message.kind === 'usage'
    ? new UsageError(message.message)
    : new InfraError(`${target.name}: ${message.message}`);
}

function assertProtocol(hello: Hello, target: Target): void {
  if (hello.protocol === PROTOCOL_VERSION) return;
  throw new InfraError(
    `${target.name}: the agent speaks protocol ${hello.protocol}, this uapi-conform speaks protocol ` +
      `${PROTOCOL_VERSION}. Both halves must come from the same build: run \`npm run build\`.`,
  );
}

function lossText(target: Target, loss: TargetLoss): string {
  const consoleText = loss.console.trim();
  const tail = consoleText === '' ? '' : `\n${consoleText.slice(-4000)}`;
  return `${target.name}: lost before it was ready: ${loss.message}${tail}`;
}
