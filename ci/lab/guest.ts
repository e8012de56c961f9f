import { type ChildProcess, spawn } from 'node:child_process';
import type { WriteStream } from 'node:fs';
import { type Duplex, PassThrough, type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { findProgram } from '../../harness/system-packages.ts';
import type { TargetConnection, TargetLoss } from '../../harness/target.ts';
import { addConsoleLine, type ConsoleState, classifyLoss, labLine } from './console.ts';
import { openLog } from './log-file.ts';
import type { RunningModels } from './models.ts';
import { PORT_FD } from './qemu-command.ts';

export interface BootOptions {
  readonly qemu: string;
  readonly args: readonly string[];
  /** Added to QEMU's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** First line of this boot in the console log. */
  readonly title: string;
  readonly consoleLog: string;
  /** Device models that QEMU is a client of; they are ended with it. */
  readonly models?: RunningModels;
  readonly timeoutMs: number;
  readonly say: (line: string) => void;
}

/** A guest whose agent was started, or why there is none. */
export type BootResult =
  | { readonly ok: true; readonly connection: TargetConnection }
  | { readonly ok: false; readonly loss: TargetLoss; readonly isModelsFault: boolean };

/** First line on the port, written by guest/gate.cjs: node runs, the drivers are loaded. */
const READY = 'lab:ready\n';
/** What is left to a guest that has said its last word, before QEMU is killed. */
const LAST_WORDS_MS = 3_000;
const TERM_MS = 2_000;

/**
 * Starts QEMU and waits until the guest has its agent, is gone, or is out of time. QEMU dies with
 * this process, even by SIGKILL: setpriv(1) sets the parent-death signal, which outlives exec.
 */
export async function bootGuest(options: BootOptions): Promise<BootResult> {
  const guest = new Guest(options);
  const first = await Promise.race([guest.ready, guest.lost]);
  if (first !== undefined) {
    return { ok: false, loss: first, isModelsFault: options.models?.failure !== undefined };
  }
  return { ok: true, connection: guest };
}

class Guest implements TargetConnection {
  readonly input: Duplex;
  readonly output = new PassThrough();
  readonly ready: Promise<undefined>;
  readonly lost: Promise<TargetLoss>;
  readonly #child: ChildProcess;
  readonly #exited: Promise<string>;
  readonly #options: BootOptions;
  #console: ConsoleState = { tail: '' };
  #isReady = false;
  #reason: 'exit' | 'closed' | 'timeout' = 'exit';
  #qemuError = '';

  constructor(options: BootOptions) {
    this.#options = options;
    this.#child = startQemu(options);
    this.#exited = exitOf(this.#child);
    const [, console, errors, port] = this.#child.stdio as unknown as [
      null,
      Readable,
      Readable,
      Duplex,
    ];
    this.input = port;
    port.on('error', () => {}); // a write to a guest that is gone; `lost` tells why
    this.ready = this.#awaitReady(port);
    errors.on('data', (chunk: Buffer) => {
      this.#qemuError = `${this.#qemuError}${chunk.toString()}`.slice(-2048);
    });
    this.lost = this.#watch(this.#followConsole(console));
    // Without its device the guest is worth nothing any more, and its driver may wait for ever.
    void options.models?.failed.then(() => this.#child.kill('SIGKILL'));
  }

  async close(): Promise<void> {
    if (this.#reason === 'exit') this.#reason = 'closed';
    await this.#kill();
    await this.lost;
  }

  async #kill(): Promise<void> {
    this.#child.kill('SIGTERM');
    const abort = new AbortController();
    const hard = sleep(TERM_MS, undefined, { signal: abort.signal }).then(
      () => this.#child.kill('SIGKILL'),
      () => false,
    );
    await this.#exited;
    abort.abort();
    await hard;
  }

  /** Resolves when the agent is being started; what follows on the port is the agent's. */
  #awaitReady(port: Duplex): Promise<undefined> {
    return new Promise((resolve) => {
      let head = '';
      const take = (chunk: Buffer): void => {
        head += chunk.toString('latin1');
        if (head.length < READY.length) return;
        port.off('data', take);
        this.#isReady = true;
        this.output.write(Buffer.from(head.slice(READY.length), 'latin1'));
        port.pipe(this.output);
        resolve(undefined);
      };
      port.on('data', take);
    });
  }

  async #watch(consoleEnd: Promise<void>): Promise<TargetLoss> {
    const timer = setTimeout(() => {
      if (this.#isReady || this.#reason !== 'exit') return;
      this.#reason = 'timeout';
      void this.#kill();
    }, this.#options.timeoutMs);
    void this.ready.then(() => clearTimeout(timer));
    const status = await this.#exited;
    clearTimeout(timer);
    await this.#options.models?.end();
    await Promise.race([consoleEnd, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
    this.output.end();
    return classifyLoss(this.#console, {
      wasReady: this.#isReady,
      reason: this.#reason,
      timeoutMs: this.#options.timeoutMs,
      qemuError: this.#qemuError.trim(),
      modelError: this.#options.models?.failure,
      qemuStatus: status,
    });
  }

  /** Reads the console to its end: into the log, into the state, and our own lines to people. */
  async #followConsole(console: Readable): Promise<void> {
    const log = openLog(this.#options.consoleLog, this.#options.title);
    let rest = '';
    for await (const chunk of console as AsyncIterable<Buffer>) {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#takeLine(line, log);
    }
    if (rest !== '') this.#takeLine(rest, log);
    await new Promise<void>((resolve) => log.end(resolve));
  }

  #takeLine(raw: string, log: WriteStream): void {
    const line = stripVTControlCharacters(raw).replaceAll('\r', '');
    log.write(`${line}\n`);
    const before = this.#console;
    this.#console = addConsoleLine(before, line);
    const said = labLine(line);
    if (said !== undefined) this.#options.say(said);
    const { panic, failure } = this.#console;
    const isNew = panic !== before.panic || failure !== before.failure;
    // A kernel may hang on its way down; its guest is lost all the same.
    if (isNew) setTimeout(() => this.#child.kill('SIGKILL'), LAST_WORDS_MS).unref();
  }
}

function startQemu(options: BootOptions): ChildProcess {
  const [program, ...args] = withParentDeath(options.qemu, options.args);
  const stdio = Array.from({ length: PORT_FD + 1 }, (_, fd) => (fd === 0 ? 'ignore' : 'pipe'));
  // Out of the terminal's process group: Ctrl-C is for the host half, which then ends the guest.
  return spawn(program, args, { stdio, detached: true, env: { ...process.env, ...options.env } });
}

/** A command that the kernel kills when this process dies, however that happens. */
export function withParentDeath(
  program: string,
  args: readonly string[],
): readonly [string, ...string[]] {
  const setpriv = findProgram('setpriv');
  if (setpriv === undefined) return [program, ...args];
  return [setpriv, '--pdeathsig', 'KILL', program, ...args];
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) => resolve(signal ?? `status ${code}`));
  });
}
