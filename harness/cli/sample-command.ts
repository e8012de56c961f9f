/** For tests: the real command line in a process of its own, and runs of a device that is everywhere. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../../uapi/project-root.ts';

const BUILD = join(projectRoot(), 'build');

export const MAIN = join(BUILD, 'harness/cli/main.js');
/** Drives /dev/null. */
export const NULL_PROVIDER = join(BUILD, 'ci/bench/providers/null');

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process of its own: slow, so what can be seen without one is. */
export function cli(args: readonly string[], cwd = projectRoot()): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...args], { cwd }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}

/** A topic of cases for the null device, which pass or fail as they are told to. */
export function caseFile(results: Readonly<Record<string, 'passes' | 'fails'>>): string {
  const cases = Object.entries(results).map(([name, result]) => ({
    name,
    title: `It ${result}`,
    rules: ['HARNESS-004'],
    roles: { device: { provider: ['null'] } },
    steps: [{ equal: [1, result === 'passes' ? 1 : 2] }],
  }));
  return JSON.stringify({ topic: 'Made up', cases });
}
