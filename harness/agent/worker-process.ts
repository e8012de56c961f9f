import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { readCallLogFile } from '../../uapi/call-log-file.ts';
import { SOCK_CLOEXEC, SOCK_STREAM } from '../../uapi/constants.ts';
import { reap } from '../../uapi/sys-child.ts';
import { memfdCreate } from '../../uapi/sys-memory.ts';
import { socketpair } from '../../uapi/sys-socket.ts';
import type { CommandIndex } from './commands.ts';
import type { Library } from './library.ts';
import { lostCommand } from './lost-call.ts';
import { FORK_ATTEMPTS } from './peer-process.ts';
import { readStep } from './step-marker.ts';
import { pause } from './watch/patience.ts';
import { descendantsOf, isAlive } from './watch/processes.ts';
import { forkWorker } from './worker-fork.ts';
import type { FromWorker, ToWorker } from './worker-protocol.ts';

/** Of what a worker printed, the end; providers outside the tree may be talkative. */
const KEPT_OUTPUT = 4096;
/** How often it is looked whether a process is gone that nobody tells us of. */
const LOOK_MS = 1;
/** The longest pause between two looks, after one that lasts has been seen to last. */
const LONGEST_LOOK_MS = 250;

/** The worker is gone: by signal, or by an exit that nobody asked for. */
export class WorkerDied extends Error {
  override name = 'WorkerDied';
}

/** The agent's side of one worker: one question at a time, and what is known of its death. */
export class WorkerProcess {
  readonly pid: number;
  /** Of the library that it has. */
  readonly edition: number;
  readonly #channel: Socket;
  /** The worker's call log and step marker, which stay readable when it is dead. */
  readonly #log = memfdCreate('uapi-conform-call-log');
  readonly #step = memfdCreate('uapi-conform-step');
  #output = '';
  #how: string | undefined;
  #ending: Promise<boolean> | undefined;
  #waiting: { resolve(answer: FromWorker): void; reject(error: Error): void } | undefined;

  private constructor(library: Library) {
    const type = SOCK_STREAM | SOCK_CLOEXEC;
    const [near, channel] = socketpair(type);
    const [printed, output] = socketpair(type);
    this.edition = library.edition;
    this.pid = forkWorker(library, { channel, output, log: this.#log, step: this.#step });
    closeSync(channel);
    closeSync(output);
    this.#channel = new Socket({ fd: near });
    this.#readAnswers();
    this.#keepOutput(new Socket({ fd: printed }));
  }

  /** @throws WorkerDied when it cannot be had */
  static async start(library: Library): Promise<WorkerProcess> {
    for (let attempt = 1; ; attempt++) {
      const worker = new WorkerProcess(library);
      try {
        await worker.#answer();
        return worker;
      } catch (error) {
        await worker.end(0);
        if (attempt === FORK_ATTEMPTS) throw error;
      }
    }
  }

  get isAlive(): boolean {
    return !this.#channel.destroyed;
  }

  /** What the worker printed, the last of it. */
  get output(): string {
    return this.#output;
  }

  /** One question, one answer. @throws WorkerDied */
  request(message: ToWorker): Promise<FromWorker> {
    const answer = this.#answer();
    this.#channel.write(`${JSON.stringify(message)}\n`);
    return answer;
  }

  /** The call that the worker was in, or the last that it made; undefined when it made none. */
  async lastCall(commands: Pick<CommandIndex, 'lookUp'>): Promise<string | undefined> {
    const path = `/proc/self/fd/${this.#log}`;
    const last = readCallLogFile(path).at(-1);
    if (last === undefined) return undefined;
    const command = await lostCommand(last.command, commands);
    return readCallLogFile(path, () => command)
      .at(-1)
      ?.toString();
  }

  /** Changes with every step and every call. */
  activity(): string {
    const last = readCallLogFile(`/proc/self/fd/${this.#log}`).at(-1)?.facts;
    return `${this.lastStep()} ${last?.sequence} ${last?.state}`;
  }

  /** The step that the worker entered last; `0` before the first. */
  lastStep(): string {
    return readStep(this.#step);
  }

  /** Processes that its steps started: there are none unless it is at work. */
  peers(): readonly number[] {
    return this.#waiting === undefined ? [] : descendantsOf(this.pid);
  }

  /** Whoever waits for an answer learns that it is dead. */
  kill(): void {
    if (!this.#isGone()) process.kill(this.pid, 'SIGKILL');
  }

  /**
   * Kills it and waits for its end and that of its peers, which the kernel kills with it. A thread
   * stuck in the kernel can put that off. Whoever asks again gets the same answer.
   *
   * @returns whether they are all gone
   */
  end(limitMs: number): Promise<boolean> {
    this.#ending ??= this.#end(limitMs);
    return this.#ending;
  }

  async #end(limitMs: number): Promise<boolean> {
    const peers = this.peers();
    const deadline = performance.now() + limitMs;
    this.kill();
    const areGone = () => this.#isGone() && !peers.some(isAlive);
    while (!areGone() && performance.now() < deadline) await delay(LOOK_MS);
    closeSync(this.#log);
    closeSync(this.#step);
    return areGone();
  }

  #answer(): Promise<FromWorker> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (this.#how !== undefined) reject(new WorkerDied(this.#how));
    });
  }

  /** Whether it is dead and its end was taken. */
  #isGone(): boolean {
    this.#how ??= reap(this.pid);
    return this.#how !== undefined;
  }

  /** The other end is closed when the worker dies, a moment before its end can be taken. */
  async #endOfAnswers(): Promise<void> {
    for (let ms = LOOK_MS; !this.#isGone(); ms = Math.min(2 * ms, LONGEST_LOOK_MS)) await pause(ms);
    this.#waiting?.reject(new WorkerDied(this.#how));
    this.#waiting = undefined;
  }

  #readAnswers(): void {
    let rest = '';
    this.#channel.setEncoding('utf8');
    this.#channel.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#take(JSON.parse(line) as FromWorker);
    });
    this.#channel.on('error', () => {
      // A dead worker's channel: it is closed next.
    });
    this.#channel.once('close', () => void this.#endOfAnswers());
  }

  #take(message: FromWorker): void {
    this.#waiting?.resolve(message);
    this.#waiting = undefined;
  }

  #keepOutput(stream: Socket): void {
    stream.setEncoding('utf8').on('data', (text: string) => {
      this.#output = (this.#output + text).slice(-KEPT_OUTPUT);
    });
    stream.on('error', () => {
      // Dead, too.
    });
  }
}
