/**
 * A conversation with the agent of one connection: frames lines, keeps what came until it is asked
 * for, and tells apart an agent that speaks, one that is silent and one that is gone.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type AgentMessage, decodeLine, encodeLine, type HostMessage } from '../protocol.ts';
import type { TargetConnection, TargetLoss } from '../target.ts';
import { LineSplitter } from './line-splitter.ts';

/**
 * Longer than any message: an outcome carries at most a call log, a kernel stack and some 400 lines of
 * the kernel log, each of them shorter than 8 KiB (`harness/agent/watch/point-log.ts`).
 */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
/** After this many lines that are no messages, whatever talks there is no agent. */
const MAX_STRAY_LINES = 1000;
/** How long the rest of the output may take once the target is known to be gone, and vice versa. */
const DRAIN_MS = 2000;

const MESSAGE_TYPES: ReadonlySet<string> = new Set<AgentMessage['t']>([
  'hello',
  'devices',
  'probed',
  'started',
  'outcome',
  'note',
  'rested',
  'fatal',
]);

export type SessionEvent =
  | { readonly kind: 'message'; readonly message: AgentMessage }
  /** A line that is no message: something else writes to the agent's output. */
  | { readonly kind: 'stray'; readonly line: string }
  | { readonly kind: 'lost'; readonly loss: TargetLoss }
  /** Nothing came in the given time. */
  | { readonly kind: 'silence' }
  /** The signal given to `next` fired. */
  | { readonly kind: 'aborted' };

export interface NextOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export class AgentSession {
  readonly #connection: TargetConnection;
  readonly #splitter = new LineSplitter(MAX_LINE_BYTES);
  readonly #events: SessionEvent[] = [];
  #strayLines = 0;
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(connection: TargetConnection) {
    this.#connection = connection;
    // What happened to the agent is told by its output and by `lost`, not by a failing write.
    connection.input.on('error', () => {});
    const ended = new Promise<void>((resolve) => {
      connection.output.on('data', (chunk: Buffer) => this.#receive(chunk));
      connection.output.once('end', resolve);
      connection.output.once('close', resolve);
      connection.output.once('error', () => resolve());
    });
    void this.#watchForLoss(ended);
  }

  send(message: HostMessage): void {
    if (!this.#isOver) this.#connection.input.write(encodeLine(message));
  }

  /** The next thing that happened. Everything that came before a loss is given before the loss. */
  async next(options: NextOptions): Promise<SessionEvent> {
    const deadline = Date.now() + options.timeoutMs;
    for (;;) {
      if (options.signal?.aborted) return { kind: 'aborted' };
      const event = this.#events.shift();
      if (event) return event;
      const left = deadline - Date.now();
      if (left <= 0) return { kind: 'silence' };
      await this.#wait(left, options.signal);
    }
  }

  /** Says goodbye and ends the target. */
  async close(): Promise<void> {
    this.send({ t: 'bye' });
    await this.#connection.close();
  }

  #wait(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      signal?.addEventListener('abort', done);
      this.#wake = done;
    });
  }

  #give(event: SessionEvent): void {
    if (this.#isOver) return;
    this.#isOver = event.kind === 'lost';
    this.#events.push(event);
    this.#wake?.();
  }

  #receive(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      for (const line of this.#splitter.push(chunk)) this.#read(line);
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      this.#give(closed(`the agent sent ${what}, which no message is`));
    }
  }

  #read(line: string): void {
    const message = parseMessage(line);
    if (message) {
      this.#give({ kind: 'message', message });
    } else if (line.trim() !== '') {
      this.#strayLines++;
      this.#give({ kind: 'stray', line });
    }
    if (this.#strayLines > MAX_STRAY_LINES) {
      this.#give(closed(`the agent sent ${MAX_STRAY_LINES} lines that are no messages`));
    }
  }

  async #watchForLoss(ended: Promise<void>): Promise<void> {
    const lost = this.#connection.lost;
    await Promise.race([ended, lost]);
    // The output may hold messages from before the loss; the loss may say why the output ended.
    await Promise.race([Promise.all([ended, lost]), delay(DRAIN_MS, undefined, { ref: false })]);
    const loss = await Promise.race([lost, undefined]);
    this.#give(loss ? { kind: 'lost', loss } : closed('the agent closed its output'));
  }
}

function closed(message: string): SessionEvent {
  return { kind: 'lost', loss: { kind: 'closed', message, console: '' } };
}

function parseMessage(line: string): AgentMessage | undefined {
  let message: AgentMessage;
  try {
    message = decodeLine<AgentMessage>(line);
  } catch {
    return undefined;
  }
  const isMessage = typeof message === 'object' && message !== null && MESSAGE_TYPES.has(message.t);
  return isMessage ? message : undefined;
}
