import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../uapi/project-root.ts';
import { tryClose } from '../../uapi/sys.ts';
import { listenUnix } from '../../uapi/sys-listen.ts';
import { compareVersions } from './debian-version.ts';
import { withParentDeath } from './guest.ts';
import type { Kernel } from './kernels.ts';
import { openLog } from './log-file.ts';

/** Which models a module drives. @param drivers of each model, its module */
export function modelsOf(
  module: string,
  drivers: Readonly<Record<string, string>>,
): readonly string[] {
  return Object.keys(drivers).filter((model) => drivers[model] === module);
}

/** Those that a kernel's own drivers can drive. @param since of each module, the first kernel */
export function modelsFor(
  kernel: Kernel,
  drivers: Readonly<Record<string, string>>,
  since: Readonly<Record<string, string>>,
): readonly string[] {
  const isKnown = (module: string) => {
    const first = since[module];
    return first === undefined || compareVersions(kernel.release, first) >= 0;
  };
  return Object.keys(drivers).filter((name) => isKnown(drivers[name] ?? ''));
}

/** The device models of one boot. */
export interface RunningModels {
  /** Where they listen, in the order of their names. */
  readonly sockets: readonly string[];
  /** Resolves when one ends before it was told to; never without one. */
  readonly failed: Promise<void>;
  /** Which one that was, how it ended and its last words. */
  readonly failure: string | undefined;
  /** Ends them all; resolves when they are gone. */
  end(): Promise<void>;
}

/** A model's last words are a line or a stack. */
const LAST_WORDS = 2048;
/** For a model to see that QEMU is gone, before it is killed. */
const GRACE_MS = 1_000;

/**
 * Starts a process for each model. Their sockets are there at once, so that QEMU can be started without
 * waiting; what they say goes to `model-NAME.log`.
 *
 * @param names as in ci/models/main.ts
 */
export function startModels(names: readonly string[], outputDir: string): RunningModels {
  return new Models(names, outputDir);
}

class Models implements RunningModels {
  readonly sockets: readonly string[];
  readonly failed: Promise<void>;
  failure: string | undefined;
  readonly #directory: string | undefined;
  readonly #children: readonly ChildProcess[];
  readonly #exits: readonly Promise<void>[];
  #isEnding = false;

  constructor(names: readonly string[], outputDir: string) {
    const directory = names.length === 0 ? '' : mkdtempSync(join(tmpdir(), 'uapi-conform-'));
    this.#directory = directory === '' ? undefined : directory;
    this.sockets = names.map((name) => join(directory, name));
    const started = names.map((name, i) => startModel(name, this.sockets[i] ?? '', outputDir));
    this.#children = started.map(({ child }) => child);
    let fail = (): void => {};
    this.failed = new Promise((resolve) => {
      fail = resolve;
    });
    this.#exits = started.map(async ({ ended }, i) => {
      const how = await ended;
      // Status 0 is the end of the connection: QEMU went first.
      if (how === undefined || this.#isEnding) return;
      this.failure ??= `the device model ${names[i]} ended: ${how}`;
      fail();
    });
  }

  async end(): Promise<void> {
    // QEMU has ended, and so has the connection. A model that died first may have been what ended it.
    const graceful = Promise.all(this.#exits);
    const timer = setTimeout(() => {
      for (const child of this.#children) child.kill('SIGKILL');
    }, GRACE_MS);
    this.#isEnding ||= this.failure === undefined;
    await graceful;
    clearTimeout(timer);
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true });
  }
}

interface StartedModel {
  readonly child: ChildProcess;
  /** How it ended, and its last words; undefined for the end of one whose work is done. */
  readonly ended: Promise<string | undefined>;
}

function startModel(name: string, socket: string, outputDir: string): StartedModel {
  const script = join(projectRoot(), 'build', 'ci', 'models', 'main.js');
  const [program, ...args] = withParentDeath(process.execPath, [script, name]);
  const listening = listenUnix(socket);
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe', listening],
    detached: true,
  });
  tryClose(listening);
  const log = openLog(join(outputDir, `model-${name}.log`));
  let words = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    log.write(chunk);
    words = `${words}${chunk.toString()}`.slice(-LAST_WORDS);
  });
  const ended = new Promise<string | undefined>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => {
      const how = `${signal ?? `status ${code}`}; ${words.trim() || 'it said nothing'}`;
      // Whoever learns of the end finds the last words in the log.
      log.end(() => resolve(code === 0 ? undefined : how));
    });
  });
  return { child, ended };
}
