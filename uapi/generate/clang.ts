import { spawnSync } from 'node:child_process';
import { GenerateError } from './generate-error.ts';

/**
 * The C front end. Targets are named, so that the result does not depend on the machine, and
 * neither a C library nor a 32-bit one is needed: nothing is linked or run.
 */
export type Width = 'wide' | 'narrow';

const targets: Readonly<Record<Width, string>> = {
  wide: 'x86_64-linux-gnu',
  narrow: 'i386-linux-gnu',
};

/** Enough for the syntax tree of the largest header (tens of megabytes). */
const MAX_OUTPUT_BYTES = 1024 * 1024 * 1024;

export interface Compiler {
  /** 'clang' or a path. */
  readonly program: string;
  readonly includeFlags: readonly string[];
}

export interface CompilerOutput {
  readonly ok: boolean;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs clang on a source text given on its standard input. */
export function runClang(
  compiler: Compiler,
  width: Width,
  args: readonly string[],
  source: string,
): CompilerOutput {
  const fixed = [
    `--target=${targets[width]}`,
    '-std=gnu11',
    '-ffreestanding',
    '-nostdlibinc',
    '-w',
  ];
  const all = [...fixed, ...compiler.includeFlags, ...args, '-x', 'c', '-'];
  const input = Buffer.from(source, 'latin1');
  const { error, status, stdout, stderr } = spawnSync(compiler.program, all, {
    input,
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  if (error) {
    const hint = 'install clang or name another with --clang PROGRAM';
    throw new GenerateError(`cannot run ${compiler.program}: ${error.message}; ${hint}`);
  }
  return { ok: status === 0, stdout, stderr: stderr.toString() };
}

/** As runClang, but a diagnostic ends the run; `what` says what was being done. */
export function mustClang(
  compiler: Compiler,
  width: Width,
  args: readonly string[],
  source: string,
  what: string,
): Buffer {
  const { ok, stdout, stderr } = runClang(compiler, width, args, source);
  if (ok) return stdout;
  const shown = stderr.split('\n').slice(0, 12).join('\n');
  throw new GenerateError(`${what} (${targets[width]}) failed:\n${shown}`);
}
