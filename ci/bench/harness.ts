import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalRecord } from '../../reports/results.ts';
import { type CliResult, runCli } from '../lab/run-cli.ts';

/** What the harness costs: a listing, a point that does nothing, a boot. Wall times of one run each. */

export interface Measured {
  readonly what: string;
  readonly value: string;
  readonly target: string;
}

const NULL_DEVICE = ['--provider', 'build/ci/bench/providers/null', '--cases', 'ci/bench/cases'];
const NOTHING = 'bench/empty/nothing';

async function timed(args: readonly string[]): Promise<{ result: CliResult; seconds: number }> {
  const start = performance.now();
  const result = await runCli(args);
  const seconds = (performance.now() - start) / 1000;
  if (result.status !== 0) throw new Error(`${args.join(' ')}:\n${result.stderr}`);
  return { result, seconds };
}

/** Best of three: `list` of everything. */
export async function measureList(): Promise<Measured> {
  const times: number[] = [];
  for (let round = 0; round < 3; round++) times.push((await timed(['list'])).seconds);
  return {
    what: 'list of everything',
    value: `${Math.min(...times).toFixed(2)} s`,
    target: '<= 0.5 s',
  };
}

interface RunTimes {
  readonly toFirstPoint: number;
  readonly total: number;
  readonly msPerPoint: number;
}

/** Runs points and reads from the journal when the first began and the last ended. */
async function measureRun(args: readonly string[]): Promise<RunTimes> {
  const output = mkdtempSync(join(tmpdir(), 'uapi-bench-'));
  try {
    const begin = Date.now();
    const { seconds } = await timed(['run', '--output', join(output, 'run'), ...args]);
    const text = readFileSync(join(output, 'run/journal.jsonl'), 'utf8');
    const records = text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as JournalRecord);
    const started = records.flatMap((record) =>
      record.type === 'started' ? Date.parse(record.at) : [],
    );
    const [first = begin] = started;
    const end = records.findLast((record) => record.type === 'end');
    const last = end?.type === 'end' ? Date.parse(end.at) : begin;
    return {
      toFirstPoint: (first - begin) / 1000,
      total: seconds,
      msPerPoint: (last - first) / Math.max(1, started.length),
    };
  } finally {
    rmSync(output, { recursive: true });
  }
}

const HOST_POINTS = 3000;
const GUEST_POINTS = 500;

/** A point on /dev/null, on this machine. */
export async function measureHostPoints(): Promise<Measured> {
  const local = ['--target', 'local', '--all', ...NULL_DEVICE];
  const { msPerPoint } = await measureRun([...local, '--repeat', String(HOST_POINTS), NOTHING]);
  return {
    what: `an empty point on this machine, mean of ${HOST_POINTS}`,
    value: `${msPerPoint.toFixed(2)} ms`,
    target: '<= 1 ms',
  };
}

/** A point on /dev/null in the lab VM, and how long the VM takes to get to it. */
export async function measureGuest(): Promise<readonly Measured[]> {
  const vm = ['--target', 'vm', ...NULL_DEVICE, '--repeat', String(GUEST_POINTS), NOTHING];
  const { msPerPoint, toFirstPoint } = await measureRun(vm);
  const suite = await measureRun(['--target', 'vm', '--sample']);
  const seconds = (value: number) => `${value.toFixed(1)} s`;
  return [
    { what: 'command to first point in the VM', value: seconds(toFirstPoint), target: '<= 8 s' },
    {
      what: `an empty point in the VM, mean of ${GUEST_POINTS}`,
      value: `${msPerPoint.toFixed(1)} ms`,
      target: '',
    },
    { what: 'the whole suite in the VM (npm start)', value: seconds(suite.total), target: '' },
  ];
}
