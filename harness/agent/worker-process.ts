import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readCallLogFile } from '../../uapi/call-log-file.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import { FORKABLE_NODE } from '../../uapi/sys-fork.ts';
import type { CommandIndex } from './commands.ts';
import { lostCommand } from './lost-call.ts';
import { readStep } from './step-marker.ts';
import { pause } from './watch/patience.ts';
import { descendantsOf, isAlive } from './watch/processes.ts';
import type { FromWorker, ToWorker } from './worker-protocol.ts';

const CHANNEL = 3;
/** Of what a worker printed, the end; providers outside the tree may be talkative. */
const KEPT_OUTPUT = 4096;
/** How often it is looked whether peers are gone, which nobody tells us. */
const PEER_LOOK_MS = 5;

/** The worker is gone: by signal, or by an exit that nobody asked for. */
export class WorkerDied extends Error {
  override name = 'WorkerDied';
}

/** The agent's side of one worker: one question at a time, and what is known of its death. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #channel: Socket;
  /** It can be spoken to. */
  readonly started: Promise<FromWorker>;
  /** Resolves when the process is gone: `SIGSEGV`, `exit 1`. */
  readonly died: Promise<string>;
  #output = '';
  /** The worker's call log and step marker, which stay readable when it is dead. */
  #blackBox: { readonly logFd: number; readonly stepFd: number } | undefined;
  #waiting: { resolve(answer: FromWorker): void; reject(error: Error): void } | undefined;

  constructor(providerPaths: readonly string[]) {
    const entry = join(projectRoot(), 'build/harness/agent/worker.js');
    const args = [...FORKABLE_NODE, entry, String(process.pid), ...providerPaths];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
    this.#channel = this.#child.stdio[CHANNEL] as Socket;
    this.#channel.on('error', () => {
      // A dead worker's channel; `died` says it.
    });
    this.died = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve(signal ?? `exit ${code}`));
      this.#child.once('error', (error) => resolve(error.message));
    });
    this.#keepOutput();
    this.#readAnswers();
    this.started = this.#answer();
    this.started.catch(() => {
      // Told again by the first request.
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What the worker printed, the last of it. */
  get output(): string {
    return this.#output;
  }

  /** One question, one answer. @throws WorkerDied */
  async request(message: ToWorker): Promise<FromWorker> {
    await this.started;
    this.#channel.write(`${JSON.stringify(message)}\n`);
    return this.#answer();
  }

  /** The call that the worker was in, or the last that it made; undefined when it made none. */
  async lastCall(commands: Pick<CommandIndex, 'lookUp'>): Promise<string | undefined> {
    if (this.#blackBox === undefined) return undefined;
    const path = `/proc/self/fd/${this.#blackBox.logFd}`;
    const last = readCallLogFile(path).at(-1);
    if (last === undefined) return undefined;
    const command = await lostCommand(last.command, commands);
    return readCallLogFile(path, () => command)
      .at(-1)
      ?.toString();
  }

  /** Changes with every step and every call. */
  activity(): string {
    if (this.#blackBox === undefined) return '';
    const last = readCallLogFile(`/proc/self/fd/${this.#blackBox.logFd}`).at(-1)?.facts;
    return `${this.lastStep()} ${last?.sequence} ${last?.state}`;
  }

  /** The step that the worker entered last; `0` before the first. */
  lastStep(): string {
    return this.#blackBox === undefined ? '0' : readStep(this.#blackBox.stepFd);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Processes that its steps started: there are none unless it is at work. */
  peers(): readonly number[] {
    return this.#waiting === undefined ? [] : descendantsOf(this.pid);
  }

  /**
   * Kills it and waits for its end and that of its peers, which the kernel kills with it. A thread
   * stuck in the kernel can put that off.
   *
   * @returns whether they are all gone
   */
  async end(limitMs: number): Promise<boolean> {
    const peers = this.peers();
    const deadline = performance.now() + limitMs;
    this.kill();
    let ended = await Promise.race([this.died.then(() => true), pause(limitMs)]);
    while (peers.some(isAlive) && performance.now() < deadline) await delay(PEER_LOOK_MS);
    ended &&= !peers.some(isAlive);
    if (this.#blackBox !== undefined) {
      closeSync(this.#blackBox.logFd);
      closeSync(this.#blackBox.stepFd);
    }
    this.#blackBox = undefined;
    return ended === true;
  }

  #answer(): Promise<FromWorker> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      void this.died.then((how) => reject(new WorkerDied(how)));
    });
  }

  #readAnswers(): void {
    let rest = '';
    this.#channel.setEncoding('utf8');
    this.#channel.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#take(JSON.parse(line) as FromWorker);
    });
  }

  #take(message: FromWorker): void {
    if (message.t === 'hello') {
      const open = (fd: number) => openSync(`/proc/${this.pid}/fd/${fd}`, 'r');
      this.#blackBox = { logFd: open(message.logFd), stepFd: open(message.stepFd) };
    }
    this.#waiting?.resolve(message);
    this.#waiting = undefined;
  }

  #keepOutput(): void {
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-KEPT_OUTPUT);
      });
    }
  }
}
