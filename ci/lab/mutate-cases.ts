import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { TopicFile } from '../../cases/types.gen.ts';
import { readCaseFiles } from '../../harness/cases/case-files.ts';
import { readRun } from '../../reports/journal.ts';
import { projectRoot } from '../../uapi/project-root.ts';
import { judgeMutants } from './mutant-verdicts.ts';
import { type MutantKind, mutantCases } from './mutants.ts';

/**
 * Shows that cases can fail: writes each case again with one expectation made wrong, for the suite to
 * run, and then tells which of these mutants passed everywhere: what they changed is not checked.
 *
 *     node build/ci/lab/mutate-cases.js write DIR [FOLDER|TOPIC..]
 *     uapi-conform run --target vm --cases DIR --output OUT mutants
 *     node build/ci/lab/mutate-cases.js check OUT
 *
 * `deeds` in place of `write` leaves out one step each that is no check. A survivor of these is no
 * defect in itself, for a step may be a control or clean up; but what a case is about must be missed.
 *
 * Where the case itself fails, as those do that a driver is expected to fail, its mutants are not
 * counted.
 */

async function write(
  kind: MutantKind,
  directory: string,
  wanted: readonly string[],
): Promise<void> {
  const root = join(projectRoot(), 'cases');
  const { topics } = await readCaseFiles(root, []);
  for (const { id } of topics) {
    const asked = wanted.some((folder) => id === folder || id.startsWith(`${folder}/`));
    if (wanted.length > 0 && !asked) continue;
    const topic = JSON.parse(readFileSync(join(root, `${id}.json`), 'utf8')) as TopicFile;
    const cases = topic.cases.flatMap((one) => [...mutantCases(one, kind)]);
    const file = join(directory, 'mutants', `${id.replaceAll('/', '-')}.json`);
    mkdirSync(dirname(file), { recursive: true });
    const { $schema: _schema, ...rest } = topic;
    writeFileSync(file, JSON.stringify({ ...rest, cases }));
    console.log(`${cases.length} cases in ${relative('.', file)}`);
  }
}

/** Prints names below a head that says how many there are, or nothing. */
function printList(names: readonly string[], what: string): void {
  if (names.length > 0) console.log([`${names.length} ${what}:`, ...names].join('\n'));
}

/** @returns the process's exit code: 1 when a mutant was caught nowhere */
function check(output: string): number {
  const { survivors, caught, unjudged, without } = judgeMutants(
    readRun(join(output, 'journal.jsonl')).points,
  );
  console.log(`${caught.length + survivors.length} mutants, ${survivors.length} survived`);
  for (const survivor of survivors) console.log(survivor);
  printList(unjudged, 'mutants of cases that pass nowhere here');
  printList(without, 'cases have no mutant');
  return survivors.length === 0 ? 0 : 1;
}

const [order, directory, ...wanted] = process.argv.slice(2);
if (order === 'write' && directory !== undefined) await write('expectations', directory, wanted);
else if (order === 'deeds' && directory !== undefined) await write('deeds', directory, wanted);
else if (order === 'check' && directory !== undefined) process.exitCode = check(directory);
else {
  console.error('usage: mutate-cases.js write|deeds DIR [FOLDER|TOPIC..] | check OUTPUT');
  process.exitCode = 2;
}
