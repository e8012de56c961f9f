/** For tests: a run of made-up points on a scripted target, and what its journal says. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { readRun } from '../../reports/journal.ts';
import { JOURNAL_VERSION, type Run, type Verdict } from '../../reports/results.ts';
import { Journal } from '../journal.ts';
import type { Target } from '../target.ts';
import { readEarlierRun } from './read-earlier-run.ts';
import { executeRun, type RunEnd } from './run.ts';
import type { RunPoint } from './run-point.ts';
import type { RunPolicy } from './run-policy.ts';
import { type Script, type ScriptedAgent, scriptedTarget } from './scripted-agent.ts';
import { StopSignals } from './stop-signals.ts';

/** A point that runs on these devices. */
export function point(id: string, devices = ['vgem@vgem']): RunPoint {
  const roles = Object.fromEntries(devices.map((address, index) => [`role${index}`, address]));
  return {
    id,
    text: { title: id, area: 'a', rules: [], devices: roles, provider: 'vgem', reproduce: 'x' },
    todo: {
      wire: {
        id,
        case: 'c',
        parameters: {},
        devices: roles,
        timeoutMs: 1000,
        inactivityMs: 0,
        exclusive: false,
      },
      wireCase: { id: 'c', steps: [{ openFds: {} }], roles: Object.keys(roles), expectLog: [] },
    },
  };
}

const POLICY: RunPolicy = { keepGoing: false, reruns: 0, investigate: false };

const quiet = {
  say: () => {},
  target: () => {},
  planned: () => {},
  started: () => {},
  point: () => {},
  amended: () => {},
  note: () => {},
};

export interface Played {
  readonly end: RunEnd;
  readonly run: Run;
  readonly verdicts: Readonly<Record<string, Verdict>>;
  readonly agents: readonly ScriptedAgent[];
}

/** Runs the points to their end; those that are left, where the journal is there already. */
export async function play(
  test: Test,
  script: Script,
  points: readonly RunPoint[],
  stop = new StopSignals(),
  policy: Partial<RunPolicy> = {},
  path?: string,
): Promise<Played> {
  const target = scriptedTarget(script);
  const played = await playOn(test, target, points, stop, policy, path);
  return { ...played, agents: target.agents };
}

/** The same on any target. */
export async function playOn(
  test: Test,
  target: Target,
  points: readonly RunPoint[],
  stop = new StopSignals(),
  policy: Partial<RunPolicy> = {},
  path = join(test.testdir({}), 'journal.jsonl'),
): Promise<Omit<Played, 'agents'>> {
  const earlier = existsSync(path) ? { earlier: readEarlierRun(path) } : {};
  using journal = new Journal(path, { syncStarted: false });
  const end = await executeRun(
    {
      target,
      agent: { providers: () => [], jobs: 2, isolate: false },
      policy: { ...POLICY, ...policy },
      ...earlier,
      header: {
        type: 'run',
        version: JOURNAL_VERSION,
        startedAt: new Date().toISOString(),
        suite: { version: '0', commit: '0' },
        commandLine: [],
        target: 'scripted',
      },
      select: (found) => found.map(({ address }) => address),
      plan: () => ({ points, notes: [] }),
    },
    journal,
    quiet,
    stop,
  );
  const run = readRun(path);
  const verdicts = Object.fromEntries(run.points.map(({ id, verdict }) => [id, verdict]));
  return { end, run, verdicts };
}
