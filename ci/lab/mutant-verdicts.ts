import type { PointRecord } from '../../reports/results.ts';

/** What a run of mutants came to: ids of cases, and of mutants with what they changed. */
export interface MutantVerdicts {
  readonly caught: readonly string[];
  /** Passed wherever the case itself passed. */
  readonly survivors: readonly string[];
  /** Where these ran the case itself did not pass, so that they tell nothing. */
  readonly unjudged: readonly string[];
  /** Cases that passed and of which nothing could be made wrong. */
  readonly without: readonly string[];
}

type Point = Pick<PointRecord, 'id' | 'title' | 'verdict'>;

interface Parts {
  readonly base: string;
  /** 0 is the case itself. */
  readonly number: number;
  /** The row of the parameters and the devices. */
  readonly place: string;
}

/** Takes `topic/case-m3-r0@device` apart; another id is no mutant's. */
function partsOf(id: string): Parts | undefined {
  const [, base, number, place] = /^(.*)-m(\d+)(-r\d+(?:@.*)?)$/.exec(id) ?? [];
  if (base === undefined || place === undefined) return undefined;
  return { base, number: Number(number), place };
}

/** Tells of each mutant whether it was noticed in some place where the case itself passed. */
export function judgeMutants(points: readonly Point[]): MutantVerdicts {
  const sound = new Set<string>();
  const cases = new Set<string>();
  for (const { id, verdict } of points) {
    const parts = partsOf(id);
    if (parts?.number !== 0 || verdict !== 'pass') continue;
    sound.add(parts.base + parts.place);
    cases.add(parts.base);
  }
  const found = new Map<string, 'caught' | 'survivors' | 'unjudged'>();
  for (const { id, title, verdict } of points) {
    const parts = partsOf(id);
    if (parts === undefined || parts.number === 0) continue;
    cases.delete(parts.base);
    const mutant = `${parts.base}-m${parts.number} (${title})`;
    const known = found.get(mutant) ?? 'unjudged';
    if (known === 'caught' || !sound.has(parts.base + parts.place)) found.set(mutant, known);
    else found.set(mutant, verdict === 'pass' || verdict === 'skip' ? 'survivors' : 'caught');
  }
  const those = (wanted: string) =>
    [...found].filter(([, verdict]) => verdict === wanted).map(([mutant]) => mutant);
  return {
    caught: those('caught'),
    survivors: those('survivors'),
    unjudged: those('unjudged'),
    without: [...cases],
  };
}
