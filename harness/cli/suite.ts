import { loadCases, ownCases } from '../cases/load.ts';
import type { LoadedCase } from '../cases/loaded-case.ts';
import { loadRules, type Rule } from '../cases/rules.ts';
import type { ProviderFacts } from '../provider-facts.ts';
import { loadProviders } from '../providers.ts';

/** All that can be known before any device is. */
export interface Suite {
  readonly providers: readonly ProviderFacts[];
  readonly cases: readonly LoadedCase[];
  readonly rules: ReadonlyMap<string, Rule>;
}

/** Loads providers, cases and rules. @throws UsageError that lists what is wrong with them */
export async function loadSuite(
  providerPaths: readonly string[],
  caseDirectories: readonly string[],
): Promise<Suite> {
  const providers = await loadProviders(providerPaths);
  const cases = await loadCases([ownCases(), ...caseDirectories], providers);
  let rules: ReadonlyMap<string, Rule> | undefined;
  return {
    providers,
    cases,
    get rules() {
      rules ??= loadRules();
      return rules;
    },
  };
}
