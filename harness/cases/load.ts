import { join, resolve } from 'node:path';
import { projectRoot } from '../../uapi/project-root.ts';
import type { ProviderFacts } from '../provider-facts.ts';
import { type CaseText, readCaseTexts, type Sorted } from './case-files.ts';
import { CheckedCases } from './checked-cases.ts';
import type { LoadedCase } from './loaded-case.ts';
import { type Problem, throwProblems } from './problems.ts';
import { ruleTexts } from './rules.ts';

/** The cases of this tree. */
export function ownCases(): string {
  return join(projectRoot(), 'cases');
}

export interface LoadOptions {
  /** Checks everything, also what was checked when this tree was built and has not changed. */
  readonly afresh?: boolean;
}

/**
 * Reads, checks and completes all cases of some case directories. Fixtures are those of this tree
 * and those under `fixtures/` of each directory; rules are those of this tree.
 *
 * @returns the cases by area, file and place in the file
 * @throws UsageError that lists everything that is wrong, as `file:line:column: text`
 */
export async function loadCases(
  directories: readonly string[],
  providers: readonly ProviderFacts[],
  { afresh = false }: LoadOptions = {},
): Promise<readonly LoadedCase[]> {
  const problems: Problem[] = [];
  const { own, shared, others } = readAll(directories, problems);
  const checked = afresh ? undefined : CheckedCases.open(providers, [...shared, ...ruleTexts()]);
  const cases: LoadedCase[] = [];
  const unchecked = [...own, ...others.topics].filter((text) => {
    const known = checked?.find(text);
    cases.push(...(known ?? []));
    return known === undefined;
  });
  if (checked === undefined || unchecked.length > 0 || others.fixtures.length > 0) {
    const { checkTexts } = await import('./check-texts.ts');
    const [known, fixtures] = checked === undefined ? [[], shared] : [shared, []];
    const toCheck = [...fixtures, ...others.fixtures];
    cases.push(...(await checkTexts(unchecked, known, toCheck, providers, problems)));
  }
  checkIds(cases, problems);
  throwProblems(problems);
  // Cases of one file stay in the order of the file.
  return cases.sort((a, b) => compare(a.area, b.area) || compare(a.file, b.file));
}

interface Texts {
  /** Topics and fixtures of this tree. */
  readonly own: readonly CaseText[];
  readonly shared: readonly CaseText[];
  readonly others: Sorted<CaseText>;
}

/** Cases from elsewhere may build on the fixtures of this tree. */
function readAll(directories: readonly string[], problems: Problem[]): Texts {
  const wanted = new Set(directories.map((directory) => resolve(directory)));
  const isOwn = wanted.delete(ownCases());
  const own = readCaseTexts(ownCases(), isOwn ? problems : []);
  const read = [...wanted].map((directory) => readCaseTexts(directory, problems));
  return {
    own: isOwn ? own.topics : [],
    shared: own.fixtures,
    others: {
      topics: read.flatMap(({ topics }) => topics),
      fixtures: read.flatMap(({ fixtures }) => fixtures),
    },
  };
}

/** Two directories may hold the same topic, but an id names one case. */
function checkIds(cases: readonly LoadedCase[], problems: Problem[]): void {
  const files = new Map<string, LoadedCase>();
  for (const one of cases) {
    const other = files.get(one.id);
    if (other !== undefined && other.file !== one.file) {
      const text = `the id '${one.id}' is taken by ${other.file}:${other.line}; rename one`;
      problems.push({ file: one.file, line: one.line, column: 1, text });
    }
    files.set(one.id, one);
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
