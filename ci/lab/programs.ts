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
  throw new InfraError(`${argv.join(' ')} failed: ${lastWords(stderr)}`);
}

function ranProgram(
  [program, ...args]: readonly [string, ...string[]],
  options: ProgramOptions,
  input?: Uint8Array,
): Promise<RanProgram> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, LC_ALL: 'C', ...options.env },
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', (error) => reject(new InfraError(`cannot run ${program}: ${error.message}`)));
    child.on('close', (code) =>
      resolve({
        status: code ?? -1,
        stdout: Buffer.concat(out),
        stderr: Buffer.concat(err).toString(),
      }),
    );
    child.stdin?.on('error', () => {}); // it went away, which its end tells
    child.stdin?.end(input);
  });
}

/** The line of an error output that matters: apt's first error if there is one, else the last. */
export function lastWords(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const error = lines.find((line) => line.startsWith('E: '))?.slice(3);
  return (error ?? lines.at(-1) ?? 'it said nothing').trim();
}
