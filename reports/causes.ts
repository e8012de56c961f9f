import { reasonLine } from './failure-text.ts';
import type { PointRecord, Run } from './results.ts';

/** Points that ended alike, and for the same reason. */
export interface Cause {
  /** A verdict, or of skips their class. */
  readonly kind: string;
  /** One line; of a known failure its entry: whoever wrote the lists decided what does not gate. */
  readonly reason: string;
  readonly points: readonly PointRecord[];
}

/** An entry of a list is longer than most reasons. */
const REASON_LIMIT = 1200;

/** What the drivers are known to break, the most frequent cause first. */
export function knownCauses({ points }: Run): Cause[] {
  return causesOf(
    points.filter(({ verdict }) => verdict === 'expected-fail' || verdict === 'flake'),
  );
}

/** Why points were not run. */
export function skipCauses({ points }: Run): Cause[] {
  return causesOf(points.filter(({ verdict }) => verdict === 'skip'));
}

function causesOf(points: readonly PointRecord[]): Cause[] {
  const causes = new Map<string, Cause & { readonly points: PointRecord[] }>();
  for (const point of points) {
    const kind = point.skip ?? point.verdict;
    const reason = entryOf(reasonLine(point, REASON_LIMIT));
    const cause = causes.get(`${kind}\n${reason}`) ?? { kind, reason, points: [] };
    cause.points.push(point);
    causes.set(`${kind}\n${reason}`, cause);
  }
  return [...causes.values()].sort(
    (a, b) => b.points.length - a.points.length || (a.reason < b.reason ? -1 : 1),
  );
}

/** `ci/expectations/vgem/fails:12: why`, of a reason that ends with an entry. */
function entryOf(reason: string): string {
  const entry = /; known: (?<why>.*) \((?<place>[^()]*)\)$/.exec(reason)?.groups;
  return entry === undefined ? reason : `${entry['place']}: ${entry['why']}`;
}
