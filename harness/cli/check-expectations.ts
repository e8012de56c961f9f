import { resolve } from 'node:path';
import { staleRemarks } from '../expectation-check.ts';
import { ownExpectations, readLists } from '../expectation-lists.ts';
import type { CheckListsArguments } from './expectations-command.ts';
import { onlyPaths } from './providers-option.ts';
import { loadSuite } from './suite.ts';

/** Checks all lists; mistakes are thrown by the reader, all at once. @returns the exit code */
export async function checkExpectations(given: CheckListsArguments): Promise<number> {
  const lists = readLists(resolve(given.expectations ?? ownExpectations()));
  const paths = onlyPaths(given.provider ?? []);
  const cases = (given.cases ?? []).map((directory) => resolve(directory));
  const suite = await loadSuite(paths, cases);
  const remarks = staleRemarks(lists, {
    today: new Date().toISOString().slice(0, 10),
    caseIds: suite.cases.map(({ id }) => id),
    drivers: suite.providers.flatMap(({ name, driver, family = [] }) => [name, driver, ...family]),
  });
  for (const remark of remarks) process.stdout.write(`${remark}\n`);
  const entries = lists.reduce((sum, list) => sum + list.entries.length, 0);
  process.stdout.write(`${lists.length} lists, ${entries} entries, ${remarks.length} remarks\n`);
  return remarks.length === 0 ? 0 : 1;
}
