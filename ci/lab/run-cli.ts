import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { readRun } from '../../reports/journal.ts';
import type { PointRecord, Run } from '../../reports/results.ts';
import { projectRoot } from '../../uapi/project-root.ts';

/** The command as a user starts it, for tests and benchmarks. */

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Of the environment, beside what this process has itself. */
export type Variables = Readonly<Record<string, string>>;

/** Runs `uapi-conform` with these arguments from the project's folder. */
export function runCli(args: readonly string[], variables: Variables = {}): Promise<CliResult> {
  const entry = join(projectRoot(), 'build/harness/cli/main.js');
  const child = spawn(process.execPath, [entry, ...args], {
    cwd: projectRoot(),
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, ...text }));
  });
}

/** A run and what its journal says. */
export async function runSuite(
  output: string,
  args: readonly string[],
  variables: Variables = {},
): Promise<CliResult & { readonly run: Run }> {
  const result = await runCli(['run', '--output', output, ...args], variables);
  try {
    return { ...result, run: readRun(join(output, 'journal.jsonl')) };
  } catch (error) {
    throw new Error(`no journal: ${String(error)}\n${result.stdout}\n${result.stderr}`);
  }
}

/** Points by verdict. */
export function tally(points: readonly PointRecord[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { verdict } of points) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}
