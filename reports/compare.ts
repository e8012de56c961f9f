/**
 * What became different from one run to another. Points are matched by their ids without rounds; of
 * several rounds the worst verdict and the middle time count.
 */
import { reasonLine } from './failure-text.ts';
import { devicesOf, notRun } from './groups.ts';
import { withoutRound } from './point-id.ts';
import type { PointRecord, Run, Verdict } from './results.ts';
import { GATING, VERDICTS } from './results.ts';

/** How a point stands in one run. */
export type State = Verdict | 'interrupted' | 'not run';

/** A point that stands differently. */
export interface Change {
  readonly id: string;
  /** Absent where the old run does not know the point. */
  readonly old?: State;
  readonly new?: State;
  /** Why it is not a pass now, or was not before where it is one now. */
  readonly reason?: string;
}

export interface TimeChange {
  readonly id: string;
  readonly oldMs: number;
  readonly newMs: number;
}

/** A fact about the run itself: kernel, suite, a driver's version. */
export interface Difference {
  readonly what: string;
  readonly old: string;
  readonly new: string;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Bad now, and not bad before. With the next list what gates. */
  readonly newFailures: readonly Change[];
  /** Passes now against an entry, and did not fail as a surprise before: the entry is to go. */
  readonly unexpectedPasses: readonly Change[];
  /** Failed before, and passes now; where that was expected, the entry is gone too. */
  readonly fixed: readonly Change[];
  readonly newSkips: readonly Change[];
  /** All other changes of points that both runs know. */
  readonly changed: readonly Change[];
  readonly gone: readonly Change[];
  /** Not known to the old run, and not bad. */
  readonly added: readonly Change[];
  readonly slower: readonly TimeChange[];
  readonly faster: readonly TimeChange[];
  /** Bad in both runs, with the same verdict. */
  readonly stillFailing: number;
  readonly unchanged: number;
}

/**
 * A time differs when it is more than twice the other and more than 100 ms away from it: points take
 * some milliseconds, and what a scheduler does to them is no news.
 */
export const TIME_NOISE = { ratio: 2, differenceMs: 100 } as const;

const PASSED: ReadonlySet<State> = new Set(['pass', 'unexpected-pass']);
const BAD: ReadonlySet<State> = new Set([
  ...[...GATING].filter((verdict) => !PASSED.has(verdict)),
  'interrupted',
]);

interface Standing {
  readonly state: State;
  readonly reason: string;
  /** Of the rounds that passed: the time of a failure says where it failed. */
  readonly timeMs?: number;
}

/** Compares two runs. Pure. */
export function compareRuns(before: Run, after: Run): Comparison {
  const old = standings(before);
  const now = standings(after);
  const lists = noChanges();
  const times: TimeChange[] = [];
  let stillFailing = 0;
  let unchanged = 0;
  for (const id of new Set([...old.keys(), ...now.keys()])) {
    const [was, is] = [old.get(id), now.get(id)];
    const list = listOf(was?.state, is?.state);
    if (list) lists[list].push(changeOf(id, was, is));
    else if (is && BAD.has(is.state)) stillFailing++;
    else unchanged++;
    if (was?.timeMs !== undefined && is?.timeMs !== undefined) {
      times.push({ id, oldMs: was.timeMs, newMs: is.timeMs });
    }
  }
  return {
    differences: differencesOf(before, after),
    ...lists,
    slower: times.filter(({ oldMs, newMs }) => isSlower(oldMs, newMs)).sort(byLargest),
    faster: times.filter(({ oldMs, newMs }) => isSlower(newMs, oldMs)).sort(byLargest),
    stillFailing,
    unchanged,
  };
}

/** Lists of points that stand differently. */
type Lists = ReturnType<typeof noChanges>;

function noChanges() {
  const none = (): Change[] => [];
  return {
    newFailures: none(),
    unexpectedPasses: none(),
    fixed: none(),
    newSkips: none(),
    changed: none(),
    gone: none(),
    added: none(),
  };
}

/** @returns undefined where the point stands as before */
function listOf(old: State | undefined, now: State | undefined): keyof Lists | undefined {
  if (old === now) return undefined;
  if (now === undefined) return 'gone';
  const wasBad = old !== undefined && BAD.has(old);
  if (BAD.has(now) && !wasBad) return 'newFailures';
  if (now === 'unexpected-pass' && !wasBad) return 'unexpectedPasses';
  if (old === undefined) return 'added';
  if (PASSED.has(now) && (wasBad || old === 'expected-fail')) return 'fixed';
  return now === 'skip' ? 'newSkips' : 'changed';
}

function changeOf(id: string, was: Standing | undefined, is: Standing | undefined): Change {
  const said = is && is.state !== 'pass' ? is : was;
  return {
    id,
    ...(was && { old: was.state }),
    ...(is && { new: is.state }),
    ...(said?.reason && { reason: said.reason }),
  };
}

function standings(run: Run): ReadonlyMap<string, Standing> {
  const rounds = new Map<string, PointRecord[]>();
  for (const point of run.points) {
    const id = withoutRound(point.id);
    const known = rounds.get(id);
    if (known) known.push(point);
    else rounds.set(id, [point]);
  }
  const found = new Map<string, Standing>();
  for (const [id, points] of rounds) found.set(id, standingOf(points));
  // A round that was cut off is worse than those that came to an end.
  for (const id of run.interrupted) {
    found.set(withoutRound(id), { state: 'interrupted', reason: 'the run ended while it ran' });
  }
  for (const id of notRun(run).map(withoutRound)) {
    if (!found.has(id)) found.set(id, { state: 'not run', reason: '' });
  }
  return found;
}

function standingOf(points: readonly PointRecord[]): Standing {
  const [worst] = [...points].sort(
    (a, b) => VERDICTS.indexOf(b.verdict) - VERDICTS.indexOf(a.verdict),
  );
  const passed = points.filter(({ verdict }) => PASSED.has(verdict));
  const times = passed.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
  const timeMs = times[Math.floor(times.length / 2)];
  return {
    state: worst?.verdict ?? 'not run',
    reason: worst && worst.verdict !== 'pass' ? reasonLine(worst, 200) : '',
    ...(timeMs !== undefined && { timeMs }),
  };
}

function isSlower(fromMs: number, toMs: number): boolean {
  return toMs > fromMs * TIME_NOISE.ratio && toMs - fromMs > TIME_NOISE.differenceMs;
}

function byLargest(a: TimeChange, b: TimeChange): number {
  return Math.abs(b.newMs - b.oldMs) - Math.abs(a.newMs - a.oldMs);
}

function differencesOf(before: Run, after: Run): Difference[] {
  const old = factsOf(before);
  const now = factsOf(after);
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((what) => {
    const difference = { what, old: old.get(what) ?? 'none', new: now.get(what) ?? 'none' };
    return difference.old === difference.new ? [] : [difference];
  });
}

/** What may explain that results differ. */
function factsOf(run: Run): ReadonlyMap<string, string> {
  const unique = (values: readonly string[]) => [...new Set(values)].join(', ') || 'unknown';
  const facts = new Map([
    ['suite', `${run.run.suite.version} (${run.run.suite.commit})`],
    ['target', run.run.target],
    ['kernel', unique(run.targets.map(({ kernel }) => kernel))],
    ['machine', unique(run.targets.map(({ machine }) => machine))],
    ['privileged', unique(run.targets.map(({ privileged }) => String(privileged)))],
    ['run', run.end?.outcome ?? 'cut'],
    ['selection', run.run.partial ? 'part of the points' : 'all points'],
  ]);
  for (const { address, driver, identity } of devicesOf(run).values()) {
    const details = Object.entries(identity).sort(([a], [b]) => (a < b ? -1 : 1));
    const text = [driver, ...details.map(([key, value]) => `${key} ${value}`)].join(', ');
    facts.set(`device ${address}`, text);
  }
  return facts;
}
