import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { UsageError } from '../errors.ts';
import { loadProviders } from '../providers.ts';
import { readCaseTexts } from './case-files.ts';
import { CheckedCases, checkedFiles } from './checked-cases.ts';
import { loadCases, ownCases } from './load.ts';
import { ruleTexts } from './rules.ts';

/** Checks the cases of this tree and keeps the result, unless it is there or something is wrong. */
export async function writeCheckedCases(): Promise<void> {
  const providers = await loadProviders([]);
  const { topics, fixtures } = readCaseTexts(ownCases(), []);
  const library = [...fixtures, ...ruleTexts()];
  const known = CheckedCases.open(providers, library);
  if (topics.every((topic) => known?.find(topic) !== undefined)) return;
  try {
    const cases = await loadCases([ownCases()], providers, { afresh: true });
    const files = checkedFiles(cases, topics, providers, library);
    // They belong together: a build that is killed half-way leaves none of the last, which counts.
    for (const { path } of [...files].reverse()) rmSync(path, { force: true });
    for (const { path, content } of files) {
      writeFileSync(`${path}.new`, content);
      renameSync(`${path}.new`, path);
    }
  } catch (error) {
    // Every command that needs the cases will say it.
    if (!(error instanceof UsageError)) throw error;
  }
}
