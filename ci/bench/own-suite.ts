import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalRecord, PointRecord } from '../../reports/results.ts';
import { runCli } from '../lab/run-cli.ts';

export interface SuiteTimes {
  readonly executed: number;
  readonly passed: number;
  readonly skipped: number;
  /** From the first test to the end of the last. */
  readonly seconds: number;
  /** The whole command. */
  readonly commandSeconds: number;
}

export interface OwnTimes {
  readonly times: SuiteTimes;
  /** Cases that the executed points are of. */
  readonly cases: number;
  /** Providers whose devices they ran on. */
  readonly providers: readonly string[];
  /** Of points that did not pass: id and reason. */
  readonly troubles: readonly string[];
}

/** As the lab scales limits for an emulated guest. Source: ci/lab/target.ts */
const TIMEOUT_SCALE = '5';

/**
 * Runs the suite on this machine as a user would, with worker and journal.
 *
 * @param selection what else `uapi-conform run` is told: providers, devices, ids
 */
export async function runOwnSuite(selection: readonly string[]): Promise<OwnTimes> {
  const directory = mkdtempSync('/tmp/uapi-own-');
  try {
    const output = join(directory, 'run');
    const how = ['--timeout-scale', TIMEOUT_SCALE, '--no-sync', '--output', output];
    const begin = performance.now();
    const result = await runCli(['run', '--target', 'local', ...how, ...selection]);
    const commandSeconds = (performance.now() - begin) / 1000;
    const journal = join(output, 'journal.jsonl');
    try {
      return summary(recordsOf(journal), commandSeconds);
    } catch (error) {
      throw new Error(`${String(error)}: ${result.stdout.slice(-2000)}${result.stderr}`);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Of a journal that this very version wrote: the reader's checks would cost seconds here. */
function recordsOf(journal: string): readonly JournalRecord[] {
  const lines = readFileSync(journal, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as JournalRecord);
}

function summary(records: readonly JournalRecord[], commandSeconds: number): OwnTimes {
  const points = records.flatMap((record) => (record.type === 'point' ? [record] : []));
  const executed = points.filter(({ verdict }) => verdict !== 'skip');
  const passed = executed.filter(({ verdict }) => verdict === 'pass');
  const started = records.find((record) => record.type === 'started');
  const end = records.findLast((record) => record.type === 'end');
  if (started?.type !== 'started' || end?.type !== 'end') throw new Error('no point was run');
  return {
    times: {
      executed: executed.length,
      passed: passed.length,
      skipped: points.length - executed.length,
      seconds: (Date.parse(end.at) - Date.parse(started.at)) / 1000,
      commandSeconds,
    },
    cases: new Set(executed.map(caseOf)).size,
    providers: [...new Set(executed.flatMap(providersOf))].sort(),
    troubles: executed.filter((point) => !passed.includes(point)).map(troubleOf),
  };
}

/** `submit/rdma-write/content-arrives[size=1]@rdma@rxe0` is a point of the case before the bracket. */
function caseOf({ id }: PointRecord): string {
  return /^[^[@]*/.exec(id)?.[0] ?? id;
}

/** Of devices such as `vgem@vgem`. */
function providersOf({ devices }: PointRecord): readonly string[] {
  return Object.values(devices).map((address) => /^[^@]*/.exec(address)?.[0] ?? address);
}

/** A kernel that died is gone when the bench is over, so what it logged is told here. */
function troubleOf({ id, verdict, reason, kernelLog }: PointRecord): string {
  const log = verdict === 'unhealthy' ? (kernelLog ?? []).map(({ text }) => `\n  ${text}`) : [];
  return `${verdict} ${id}: ${reason ?? ''}${log.join('')}`;
}
