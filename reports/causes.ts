import { reasonLine } from './failure-text.ts';
import type { PointRecord } from './results.ts';

/** Points that ended alike, and for the same reason. */
export interface Cause {
  /** A verdict, or of skips their class. */
  readonly kind: string;
  /** One line. */
  readonly reason: string;
  readonly points: readonly PointRecord[];
}

/** An expected failure has the entry of its list in it. */
const REASON_LIMIT = 1200;

/** Sorts points by what became of them, the most frequent cause first. */
export function causesOf(points: readonly PointRecord[]): Cause[] {
  const causes = new Map<string, Cause & { readonly points: PointRecord[] }>();
  for (const point of points) {
    const kind = point.skip ?? point.verdict;
    const reason = reasonLine(point, REASON_LIMIT);
    const cause = causes.get(`${kind}\n${reason}`) ?? { kind, reason, points: [] };
    cause.points.push(point);
    causes.set(`${kind}\n${reason}`, cause);
  }
  const sorted = [...causes].sort(([a, { points: as }], [b, { points: bs }]) => {
    return bs.length - as.length || (a < b ? -1 : 1);
  });
  return sorted.map(([, cause]) => cause);
}
