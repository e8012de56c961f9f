import { spawn } from 'node:child_process';
import { InfraError } from '../../harness/errors.ts';

export interface ProgramResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end and gives what it said. Throws InfraError when it cannot be started. */
export function tryProgram(
  argv: readonly [string, ...string[]],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const [program, ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, LC_ALL: 'C', ...options.env },
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', (error) => reject(new InfraError(`cannot run ${program}: ${error.message}`)));
    child.on('close', (code) =>
      resolve({
        status: code ?? -1,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      }),
    );
  });
}

/** Runs a program that is expected to succeed; InfraError with its last words when it does not. */
export async function runProgram(
  argv: readonly [string, ...string[]],
  options: ProgramOptions = {},
): Promise<string> {
  const result = await tryProgram(argv, options);
  if (result.status === 0) return result.stdout;
  throw new InfraError(`${argv.join(' ')} failed: ${lastWords(result.stderr)}`);
}

/** What a program makes of some bytes. @throws InfraError with its last words */
export function filterProgram(
  argv: readonly [string, ...string[]],
  input: Uint8Array,
): Promise<Buffer> {
  const [program, ...args] = argv;
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new InfraError(`${argv.join(' ')} failed: ${why}`));
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', (error) => fail(error.message));
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out));
      else fail(lastWords(Buffer.concat(err).toString()));
    });
    child.stdin.on('error', () => {}); // it went away, which its end tells
    child.stdin.end(input);
  });
}

/** The line of an error output that matters: apt's first error if there is one, else the last. */
export function lastWords(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const error = lines.find((line) => line.startsWith('E: '))?.slice(3);
  return (error ?? lines.at(-1) ?? 'it said nothing').trim();
}
