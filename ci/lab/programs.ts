import { AsyncLocalStorage } from 'node:async_hooks';
import { type ChildProcess, spawn } from 'node:child_process';
import { InfraError } from '../../harness/errors.ts';
import { Stopped } from '../../harness/run/unless-stopped.ts';
import { oneLine } from '../../reports/text.ts';

/** Some programs are told of hundreds of files. */
const COMMAND_SHOWN = 200;

export interface ProgramResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const wanted = new AsyncLocalStorage<AbortSignal>();

/**
 * Does work whose result nobody waits for once the signal has come. Downloads and builds take minutes: the
 * programs that it runs by then are ended with all that they have started, and it runs no others.
 */
export function whileWanted<T>(stop: AbortSignal, work: () => Promise<T>): Promise<T> {
  return wanted.run(stop, work);
}

/** Runs a program to its end and gives what it said. Throws InfraError when it cannot be started. */
export async function tryProgram(
  argv: readonly [string, ...string[]],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const { stdout, ...result } = await ranProgram(argv, options);
  return { ...result, stdout: stdout.toString() };
}

/** Runs a program that is expected to succeed; InfraError with its last words when it does not. */
export async function runProgram(
  argv: readonly [string, ...string[]],
  options: ProgramOptions = {},
): Promise<string> {
  return succeeded(argv, await ranProgram(argv, options)).toString();
}

/** What a program makes of some bytes. @throws InfraError with its last words */
export async function filterProgram(
  argv: readonly [string, ...string[]],
  input: Uint8Array,
): Promise<Buffer> {
  return succeeded(argv, await ranProgram(argv, {}, input));
}

type RanProgram = Omit<ProgramResult, 'stdout'> & { readonly stdout: Buffer };

function succeeded(argv: readonly string[], { status, stdout, stderr }: RanProgram): Buffer {
  if (status === 0) return stdout;
  const command = oneLine(argv.join(' '), COMMAND_SHOWN);
  throw new InfraError(`${command} failed: ${lastWords(stderr)}`);
}

function ranProgram(
  [program, ...args]: readonly [string, ...string[]],
  options: ProgramOptions,
  input?: Uint8Array,
): Promise<RanProgram> {
  const stop = wanted.getStore();
  return new Promise((resolve, reject) => {
    if (stop?.aborted) throw new Stopped();
    const child = spawn(program, args, {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      detached: stop !== undefined,
    });
    const end = () => endGroup(child);
    stop?.addEventListener('abort', end);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', (error) => reject(new InfraError(`cannot run ${program}: ${error.message}`)));
    child.on('close', (code) => {
      stop?.removeEventListener('abort', end);
      if (stop?.aborted) return reject(new Stopped());
      const stderr = Buffer.concat(err).toString();
      resolve({ status: code ?? -1, stdout: Buffer.concat(out), stderr });
    });
    child.stdin?.on('error', () => {}); // it went away, which its end tells
    child.stdin?.end(input);
  });
}

/** A group of its own has what the program has started, too: make's compilers, apt's methods. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // It ended by itself meanwhile.
  }
}

/** The line of an error output that matters: the first error of apt or node if there is one, else the last. */
export function lastWords(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const error = lines.find((line) => /^(E|\w*Error): /.test(line))?.replace(/^E: /, '');
  return (error ?? lines.at(-1) ?? 'it said nothing').trim();
}
