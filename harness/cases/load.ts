import { join, resolve } from 'node:path';
import type { Provider } from '../../providers/contract.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import { type CaseFile, readCaseFiles } from './case-files.ts';
import { type Fixtures, type LoadedFixture, loadFixture } from './fixtures.ts';
import { Headers } from './headers.ts';
import { type Library, loadTopic } from './load-topic.ts';
import type { LoadedCase } from './loaded-case.ts';
import { type Problem, throwProblems } from './problems.ts';
import { loadRules } from './rules.ts';

/** The cases of this tree. */
export function ownCases(): string {
  return join(projectRoot(), 'cases');
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
  providers: readonly Provider[],
): Promise<readonly LoadedCase[]> {
  const problems: Problem[] = [];
  const [headers, files] = await Promise.all([
    Headers.load(providers, problems),
    readAll(directories, problems),
  ]);
  const library: Library = {
    providers,
    headers,
    fixtures: loadFixtures(files.fixtures, headers, problems),
    ruleIds: new Set(loadRules().keys()),
  };
  const cases = files.topics.flatMap((file) => loadTopic(file, library, problems));
  checkIds(cases, problems);
  throwProblems(problems);
  // Cases of one file stay in the order of the file.
  return cases.sort((a, b) => compare(a.area, b.area) || compare(a.file, b.file));
}

interface Files {
  readonly topics: readonly CaseFile[];
  readonly fixtures: readonly CaseFile[];
}

async function readAll(directories: readonly string[], problems: Problem[]): Promise<Files> {
  const own = ownCases();
  const wanted = [...new Set(directories.map((directory) => resolve(directory)))];
  const read = await Promise.all(wanted.map((directory) => readCaseFiles(directory, problems)));
  // Cases from elsewhere may build on the fixtures of this tree.
  const shared = wanted.includes(own) ? undefined : await readCaseFiles(own, []);
  return {
    topics: read.flatMap(({ topics }) => topics),
    fixtures: [...(shared?.fixtures ?? []), ...read.flatMap(({ fixtures }) => fixtures)],
  };
}

function loadFixtures(files: readonly CaseFile[], headers: Headers, problems: Problem[]): Fixtures {
  const fixtures = new Map<string, LoadedFixture>();
  for (const { id, source } of files) {
    const before = fixtures.get(id);
    if (before !== undefined) {
      const text = `the fixture '${id}' is also in ${before.source.file}; rename one`;
      problems.push({ file: source.file, text });
    }
    const fixture = loadFixture(source, headers, problems);
    if (fixture !== undefined) fixtures.set(id, fixture);
  }
  return fixtures;
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
