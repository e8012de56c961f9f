import type { ProviderFacts } from '../provider-facts.ts';
import { loadCases } from './load.ts';
import { loadRules } from './rules.ts';
import type { Rule } from './validators.ts';

/** What `cases check` tells of cases that are in order. */
export interface CasesSummary {
  readonly cases: number;
  /** Cases times their parameters; devices multiply this further. */
  readonly points: number;
  /** By area, in the order of the areas. */
  readonly areas: Readonly<Record<string, { readonly cases: number; readonly points: number }>>;
  /** Ids of the rules that some case checks. */
  readonly rulesCovered: readonly string[];
  /** Rules of the catalogue that no case checks. */
  readonly rulesWithoutCases: readonly Rule[];
}

/**
 * Checks all cases and rules.
 *
 * @throws UsageError that lists everything that is wrong
 */
export async function checkCases(
  directories: readonly string[],
  providers: readonly ProviderFacts[],
): Promise<CasesSummary> {
  const cases = await loadCases(directories, providers, { afresh: true });
  const rules = loadRules();
  const covered = new Set(cases.flatMap((one) => one.rules));
  const areas: Record<string, { cases: number; points: number }> = {};
  for (const { area, parameters } of cases) {
    const sum = areas[area] ?? { cases: 0, points: 0 };
    areas[area] = { cases: sum.cases + 1, points: sum.points + parameters.length };
  }
  return {
    cases: cases.length,
    points: cases.reduce((sum, { parameters }) => sum + parameters.length, 0),
    areas,
    rulesCovered: [...covered].sort(),
    rulesWithoutCases: [...rules.values()].filter(({ id }) => !covered.has(id)),
  };
}
