/** A board that a command can switch off and on: `--power-cycle CMD`. */
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { InfraError } from '../errors.ts';
import type { Target } from '../target.ts';

export interface PowerCycleOptions {
  /** For `sh -c`, on the host. */
  readonly command: string;
  /** What differs from boot to boot; undefined while the board does not answer. */
  readonly bootId: () => Promise<string | undefined>;
  /** For tests. */
  readonly limitMs?: number;
  readonly pollMs?: number;
}

/** How long a board may take to answer again, and how long the command may take. */
const LIMIT_MS = 600_000;
const POLL_MS = 3000;
/** How often a board that is connected is asked for its boot. */
const ASKS = 3;
/** As much of what the command wrote as an error repeats. */
const WORDS = 400;

/** The target, switched off and on whenever it is connected again. */
export function withPowerCycle(target: Target, options: PowerCycleOptions): Target {
  let bootId: string | undefined;
  let isFirst = true;
  return {
    name: target.name,
    timeoutScale: target.timeoutScale,
    canReturn: true,
    bootsAnew: true,
    connect: async (say, stop) => {
      if (!isFirst) await cycle(target.name, options, bootId, say, stop);
      isFirst = false;
      const connection = await target.connect(say, stop);
      bootId = await bootIdOf(options);
      if (bootId !== undefined) return connection;
      await connection.close();
      throw new InfraError(
        `${target.name} does not tell which boot it is in: no restart could be seen.`,
      );
    },
  };
}

/** Of a board that has just answered. */
async function bootIdOf({
  bootId,
  pollMs = POLL_MS,
}: PowerCycleOptions): Promise<string | undefined> {
  for (let left = ASKS; ; left--) {
    const told = await bootId();
    if (told !== undefined || left === 1) return told;
    await delay(pollMs);
  }
}

async function cycle(
  name: string,
  options: PowerCycleOptions,
  before: string | undefined,
  say: (line: string) => void,
  stop: AbortSignal | undefined,
): Promise<void> {
  const { command, limitMs = LIMIT_MS, pollMs = POLL_MS } = options;
  say(`power-cycling ${name}: ${command}`);
  await runCommand(command, limitMs, stop);
  const start = Date.now();
  let answered = false;
  while (Date.now() - start < limitMs) {
    if (stop?.aborted) throw new InfraError(`${name}: stopped while it started`);
    const now = await options.bootId();
    // It may answer once more before it goes down.
    if (now !== undefined && now !== before) return;
    answered ||= now !== undefined;
    say(`waiting for ${name} to start: ${Math.round((Date.now() - start) / 1000)} s`);
    await delay(pollMs);
  }
  const what = answered ? 'did not restart it' : `brought no answer from it`;
  throw new InfraError(`${name}: --power-cycle '${command}' ${what} within ${limitMs / 1000} s.`);
}

async function runCommand(
  command: string,
  limitMs: number,
  stop: AbortSignal | undefined,
): Promise<void> {
  const child = spawn('sh', ['-c', command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
    ...(stop && { signal: stop }),
  });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      words = (words + chunk.toString()).slice(-WORDS);
    });
  }
  const how = await new Promise<string | undefined>((resolve) => {
    child.once('error', ({ message }) => resolve(message));
    // Not 'close': what it leaves running in the background may keep its output open.
    child.once('exit', (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(signal === null ? `it exited with ${code}` : `it was ended by ${signal}`);
    });
  });
  if (how === undefined) return;
  throw new InfraError(`--power-cycle '${command}' failed: ${how}. ${words.trim()}`.trim());
}
