import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { readRecords } from '../../reports/journal.ts';
import { projectRoot } from '../../uapi/project-root.ts';

/**
 * What a run of many points costs: the null provider on this machine, where next to nothing but the
 * harness takes time and memory. `node build/ci/bench/scale.js [POINTS…]`
 */

interface Measured {
  readonly points: number;
  readonly seconds: number;
  /** From the first point's start to the end of the last, target half included. */
  readonly msPerPoint: number;
  readonly peakMiB: number;
  readonly junitMiB: number;
  readonly journalMiB: number;
}

const MIB = 1024 * 1024;
const POLL_MS = 50;

/** Runs so many points and measures the process that holds the plan, the journal and the reports. */
async function measure(points: number): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), 'uapi-scale-'));
  try {
    const output = join(directory, 'run');
    const begin = performance.now();
    const peakMiB = await runAndWatch(commandLine(points, output));
    const seconds = (performance.now() - begin) / 1000;
    const size = (name: string) => statSync(join(output, name)).size / MIB;
    return {
      points,
      seconds,
      msPerPoint: msPerPoint(join(output, 'journal.jsonl')),
      peakMiB,
      junitMiB: size('junit.xml'),
      journalMiB: size('journal.jsonl'),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function commandLine(points: number, output: string): string[] {
  const device = ['--provider', 'build/ci/bench/providers/null', '--cases', 'ci/bench/cases'];
  const target = ['--target', 'local', '--all', '--no-sync', '--output', output];
  const main = 'build/harness/cli/main.js';
  return [main, 'run', ...target, ...device, '--repeat', `${points}`, 'bench/empty/nothing'];
}

/** @returns the most memory that it had, in MiB */
async function runAndWatch(words: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, words, {
    cwd: projectRoot(),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let peakKiB = 0;
  const poll = setInterval(() => {
    peakKiB = Math.max(peakKiB, peakOf(child.pid ?? 0));
  }, POLL_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  clearInterval(poll);
  if (code !== 0) throw new Error(`the run ended with ${code}`);
  return peakKiB / 1024;
}

/** Source: Documentation/filesystems/proc.rst, /proc/PID/status, VmHWM; 0 once it has ended */
function peakOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function msPerPoint(journal: string): number {
  let first: string | undefined;
  let last = '';
  let count = 0;
  for (const record of readRecords(journal)) {
    if (record.type === 'started') first ??= record.at;
    if (record.type === 'point') count++;
    if (record.type === 'end') last = record.at;
  }
  return (Date.parse(last) - Date.parse(first ?? last)) / Math.max(1, count);
}

const given = process.argv.slice(2).map(Number);
const table = new Table({
  head: ['points', 'whole run', 'a point', 'peak memory', 'journal', 'JUnit'],
  style: { head: [], border: [] },
});
for (const points of given.length > 0 ? given : [1000, 10_000, 100_000]) {
  const { seconds, peakMiB, journalMiB, junitMiB, ...rest } = await measure(points);
  table.push([
    points,
    `${seconds.toFixed(1)} s`,
    `${rest.msPerPoint.toFixed(2)} ms`,
    `${peakMiB.toFixed(0)} MiB`,
    `${journalMiB.toFixed(1)} MiB`,
    `${junitMiB.toFixed(1)} MiB`,
  ]);
}
console.log(`${table.toString()}\ntargets: a point <= 1 ms, peak memory <= 300 MiB`);
