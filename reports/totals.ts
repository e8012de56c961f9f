import { groupPoints } from './groups.ts';
import type { Run, Verdict } from './results.ts';
import { GATING, VERDICTS } from './results.ts';

/** How many points ended how. */
export interface Counts {
  /** Points that were planned or judged. */
  readonly points: number;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** Judged points that did run: all but the skipped ones. */
  readonly executed: number;
  /** Judged points whose verdict gates. */
  readonly gating: number;
  /** Points that were running when the journal ended. */
  readonly interrupted: number;
  /** Points of the plan that never began. */
  readonly notRun: number;
  readonly durationMs: number;
}

export interface AreaCounts extends Counts {
  readonly area: string;
}

export interface Totals extends Counts {
  /** By name. */
  readonly areas: readonly AreaCounts[];
}

/** Counts the points of a run, all and by area. What follows for the exit code is the harness's. */
export function countTotals(run: Run): Totals {
  const all = noPoints();
  const areas = new Map<string, MutableCounts>();
  for (const group of groupPoints(run)) {
    const area = areas.get(group.area) ?? noPoints();
    areas.set(group.area, area);
    for (const entry of group.entries) {
      for (const counts of [all, area]) {
        counts.points++;
        if (entry.kind === 'interrupted') counts.interrupted++;
        else if (entry.kind === 'not-run') counts.notRun++;
        else addVerdict(counts, entry.point.verdict, entry.point.durationMs);
      }
    }
  }
  const sorted = [...areas].sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...all, areas: sorted.map(([area, counts]) => ({ area, ...counts })) };
}

type MutableCounts = {
  -readonly [K in keyof Counts]: Counts[K] extends number ? number : Record<Verdict, number>;
};

function noPoints(): MutableCounts {
  return {
    points: 0,
    verdicts: {
      pass: 0,
      'expected-fail': 0,
      skip: 0,
      flake: 0,
      'unexpected-pass': 0,
      unhealthy: 0,
      fail: 0,
      hang: 0,
      crash: 0,
    },
    executed: 0,
    gating: 0,
    interrupted: 0,
    notRun: 0,
    durationMs: 0,
  };
}

function addVerdict(counts: MutableCounts, verdict: Verdict, durationMs: number): void {
  counts.verdicts[verdict]++;
  // Microseconds are what the clock gives; sums of binary fractions show more digits than that.
  counts.durationMs = Math.round((counts.durationMs + durationMs) * 1000) / 1000;
  if (verdict !== 'skip') counts.executed++;
  if (GATING.has(verdict)) counts.gating++;
}

/** `3 fail, 1 crash, 120 pass, 7 skip, 2 not run`: worst first, what did not occur left out. */
export function countsLine(counts: Counts): string {
  const parts = [...VERDICTS]
    .reverse()
    .map((verdict) => ({ word: verdict as string, count: counts.verdicts[verdict] }));
  parts.push({ word: 'interrupted', count: counts.interrupted });
  parts.push({ word: 'not run', count: counts.notRun });
  const said = parts.filter((part) => part.count > 0).map((part) => `${part.count} ${part.word}`);
  return said.join(', ') || 'no point';
}

/** A column of a table of counts. */
export interface CountColumn {
  readonly name: string;
  readonly count: (counts: Counts) => number;
}

/** Points and verdicts; those that did not occur are left out. */
export function countColumns(counted: Counts): CountColumn[] {
  const verdicts = VERDICTS.map(
    (verdict): CountColumn => ({ name: verdict, count: (counts) => counts.verdicts[verdict] }),
  );
  const optional: CountColumn[] = [
    ...verdicts,
    { name: 'interrupted', count: (counts) => counts.interrupted },
    { name: 'not run', count: (counts) => counts.notRun },
  ];
  const points: CountColumn = { name: 'points', count: (counts) => counts.points };
  return [points, ...optional.filter(({ count }) => count(counted) > 0)];
}
