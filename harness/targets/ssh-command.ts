/** The system's ssh as a program that runs a script on a host and never asks anything. */
import { spawn } from 'node:child_process';
import { pipeline, type Readable } from 'node:stream';
import { shellQuote } from '../../reports/shell-word.ts';
import { InfraError } from '../errors.ts';
import { findProgram } from '../system-packages.ts';

export interface SshHost {
  /** As ssh takes it: `board`, `root@10.0.0.7`. */
  readonly host: string;
  /** A configuration file for ssh in place of the user's. */
  readonly config?: string;
}

export interface SshResult {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** ssh's own exit code where the connection failed; a remote command's code otherwise. */
export const SSH_FAILED = 255;

/** Connections are given up after three unanswered questions, 15 s. */
const OPTIONS = ['BatchMode=yes', 'ConnectTimeout=15', 'ServerAliveInterval=5'];

/** @throws InfraError when there is no ssh */
export function sshProgram(): string {
  const program = findProgram('ssh');
  if (program !== undefined) return program;
  throw new InfraError('ssh is missing: install openssh-client.');
}

/** Arguments that run a POSIX shell script on the host, whatever its login shell is. */
export function sshArguments({ host, config }: SshHost, script: string): string[] {
  const options = OPTIONS.flatMap((option) => ['-o', option]);
  const file = config === undefined ? [] : ['-F', config];
  return [...file, ...options, '-T', '--', host, `sh -c ${shellQuote(script)}`];
}

/** Runs a script to its end; `input` is its standard input. @throws InfraError when time is up */
export async function runScript(
  host: SshHost,
  script: string,
  limitMs: number,
  input?: Readable,
): Promise<SshResult> {
  const child = spawn(sshProgram(), sshArguments(host, script), {
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  if (input && child.stdin) {
    // A remote side that stops reading says why by its exit code. The input ends then, too: what fills it
    // would wait for ever for somebody to read.
    pipeline(input, child.stdin, () => {});
  }
  const [output, errors, code] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    }),
  ]);
  if (child.killed) {
    throw new InfraError(`ssh ${host.host}: no answer within ${limitMs / 1000} s.`);
  }
  return { code, output, errors: errors.trim() };
}

const BOOT_ID_LIMIT_MS = 30_000;

/** The kernel's name for its present boot; undefined while the host does not answer. */
export async function bootIdOf(host: SshHost): Promise<string | undefined> {
  try {
    const script = 'cat /proc/sys/kernel/random/boot_id';
    const { code, output } = await runScript(host, script, BOOT_ID_LIMIT_MS);
    return code === 0 ? output.trim() : undefined;
  } catch (error) {
    if (error instanceof InfraError) return undefined;
    throw error;
  }
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  if (!stream) return text;
  for await (const chunk of stream) text += String(chunk);
  return text;
}
