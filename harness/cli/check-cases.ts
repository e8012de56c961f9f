import { resolve } from 'node:path';
import { plainTable } from '../../reports/table.ts';
import { checkCases } from '../cases/check.ts';
import { ownCases } from '../cases/load.ts';
import { loadProviders } from '../providers.ts';
import type { CheckArguments } from './cases-command.ts';
import { onlyPaths } from './providers-option.ts';

/** Checks cases and prints what there is; mistakes are thrown by the loader, all at once. */
export async function showCheck(given: CheckArguments): Promise<void> {
  const providers = await loadProviders(onlyPaths(given.provider ?? []));
  const directories = given.directory.map((directory) => resolve(directory));
  const found = await checkCases([ownCases(), ...directories], providers);
  const rows = Object.entries(found.areas).map(([area, { cases, points }]) => {
    return [area, String(cases), String(points)];
  });
  rows.push(['all', String(found.cases), String(found.points)]);
  const bare = found.rulesWithoutCases.map(({ id }) => id);
  const rules = `rules with cases: ${found.rulesCovered.length}, without: ${bare.length}`;
  const lines = [...plainTable(['area', 'cases', 'points'], rows, 1), '', rules];
  process.stdout.write(`${lines.join('\n')}\n`);
}
