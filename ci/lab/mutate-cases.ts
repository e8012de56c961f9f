import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Case, Step, TopicFile } from '../../cases/types.gen.ts';
import { readCaseFiles } from '../../harness/cases/case-files.ts';
import { parameterRows } from '../../harness/cases/parameters.ts';
import { substitute } from '../../harness/cases/substitute.ts';
import { parseSize, SizeError } from '../../harness/size.ts';
import { readRun } from '../../reports/journal.ts';
import { projectRoot } from '../../uapi/project-root.ts';

/**
 * Shows that cases can fail: writes each case again with one expectation made wrong, for the suite to
 * run, and then tells which of these mutants passed everywhere: what they changed is not checked.
 *
 *     node build/ci/lab/mutate-cases.js write DIR [AREA|TOPIC..]
 *     uapi-conform run --target vm --cases DIR --output OUT mutants
 *     node build/ci/lab/mutate-cases.js check OUT
 *
 * Of a case that every driver here is expected to fail, the mutant that asks for what the driver does
 * survives; the case itself shows then that it can fail.
 */

/** Neither a size, a handle, a count nor an inode that a case meets. */
const WRONG_NUMBER = 23130;

type Mutant = readonly [what: string, step: Step];
type Gives = NonNullable<Step['gives']>[string];

function wrongValue(field: string, value: Gives): Gives {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  const isName = /(^|\.)name$/.test(field) || !isConstant(value);
  return isSize(value) || !isName ? WRONG_NUMBER : `${value}x`;
}

/** Names of the headers, which loading would not know with anything behind them. */
function isConstant(text: string): boolean {
  return /^[A-Z][A-Z0-9_]+(\|[A-Z0-9_]+)*$/.test(text);
}

function isSize(text: string): boolean {
  try {
    return parseSize(text).length > 0;
  } catch (error) {
    if (error instanceof SizeError) return false;
    throw error;
  }
}

function wrongPattern(pattern: string): string {
  if (pattern === 'zero') return 'byte:0x01';
  if (pattern.startsWith('byte:')) return 'zero';
  return `seed:9${pattern.replace(/\D/g, '')}`;
}

/** Each way to make one expectation of a step wrong, also of the steps inside it. */
function* mutantsOf(step: Step): Generator<Mutant> {
  const { fails, gives, bytes, fill, equal, different, atLeast, aligned, takes, process } = step;
  if (fails !== undefined) {
    const { fails: _dropped, ...rest } = step;
    yield ['another errno', { ...step, fails: 'EXDEV' }];
    yield ['no errno', rest];
  }
  for (const [field, value] of Object.entries(gives ?? {})) {
    yield [`gives ${field}`, { ...step, gives: { ...gives, [field]: wrongValue(field, value) } }];
  }
  if (bytes !== undefined) {
    yield ['bytes', { ...step, bytes: { ...bytes, pattern: wrongPattern(bytes.pattern) } }];
  }
  if (bytes?.around !== undefined) {
    yield ['around', { ...step, bytes: { ...bytes, around: wrongPattern(bytes.around) } }];
  }
  if (fill !== undefined) {
    yield ['fill', { ...step, fill: { ...fill, pattern: wrongPattern(fill.pattern) } }];
  }
  if (equal?.length === 2) yield ['different', { different: equal }];
  if (different !== undefined) yield ['equal', { equal: different }];
  if (atLeast !== undefined) {
    yield ['atLeast', { ...step, atLeast: [atLeast[0] ?? 0, '0x1ffffffffffffffff'] }];
  }
  if (aligned !== undefined) {
    yield ['aligned', { ...step, aligned: [aligned[0] ?? 0, '0x7fffffffffffffff'] }];
  }
  if (takes?.atLeast !== undefined) yield ['takes', { ...step, takes: { atLeast: '1000s' } }];
  if (takes?.atMost !== undefined) yield ['takes', { ...step, takes: { atMost: '1us' } }];
  if (process?.ends === 'SIGSEGV' || process?.ends === 'SIGBUS') {
    yield ['ends', { ...step, process: { ...process, ends: 'exit' } }];
  }
  for (const verb of ['repeat', 'process'] as const) {
    const inner = step[verb];
    if (inner === undefined) continue;
    for (const [what, steps] of mutantLists(inner.steps)) {
      yield [what, { ...step, [verb]: { ...inner, steps } } as Step];
    }
  }
}

/** The steps with one of them mutated, for each mutant of each step. */
function* mutantLists(steps: readonly Step[]): Generator<readonly [string, Step[]]> {
  for (const [index, step] of steps.entries()) {
    for (const [what, mutant] of mutantsOf(step)) {
      yield [`${index + 1}: ${what}`, steps.with(index, mutant)];
    }
  }
}

/** The mutants of a case, once for each row of its parameters, which they have as plain values. */
function* mutantCases(one: Case): Generator<Case> {
  const { parameters, ...bare } = one;
  let number = 0;
  for (const [what, steps] of mutantLists(one.steps)) {
    number++;
    for (const [row, values] of parameterRows(parameters).entries()) {
      const name = `${one.name}-m${number}-r${row}`;
      yield { ...substitute({ ...bare, steps }, values), name, title: `Mutant, step ${what}` };
    }
  }
}

async function write(directory: string, wanted: readonly string[]): Promise<void> {
  const root = join(projectRoot(), 'cases');
  const { topics } = await readCaseFiles(root, []);
  for (const { id } of topics) {
    const asked = wanted.includes(id) || wanted.includes(id.split('/')[0] ?? '');
    if (wanted.length > 0 && !asked) continue;
    const topic = JSON.parse(readFileSync(join(root, `${id}.json`), 'utf8')) as TopicFile;
    const cases = topic.cases.flatMap((one) => [...mutantCases(one)]);
    const file = join(directory, 'mutants', `${id.replaceAll('/', '-')}.json`);
    mkdirSync(dirname(file), { recursive: true });
    const { $schema: _schema, ...rest } = topic;
    writeFileSync(file, JSON.stringify({ ...rest, cases }));
    console.log(`${cases.length} cases in ${relative('.', file)}`);
  }
}

/** @returns the process's exit code: 1 when a mutant failed nowhere */
function check(output: string): number {
  const failedSomewhere = new Map<string, boolean>();
  for (const { id, title, verdict } of readRun(join(output, 'journal.jsonl')).points) {
    const mutant = `${id.replace(/-r\d+[@#].*$/, '')} (${title})`;
    const failed = verdict === 'fail' || verdict === 'crash';
    failedSomewhere.set(mutant, failed || failedSomewhere.get(mutant) === true);
  }
  const survivors = [...failedSomewhere].filter(([, failed]) => !failed).map(([mutant]) => mutant);
  console.log(`${failedSomewhere.size} mutants, ${survivors.length} survived`);
  for (const survivor of survivors) console.log(survivor);
  return survivors.length === 0 ? 0 : 1;
}

const [order, directory, ...wanted] = process.argv.slice(2);
if (order === 'write' && directory !== undefined) await write(directory, wanted);
else if (order === 'check' && directory !== undefined) process.exitCode = check(directory);
else {
  console.error('usage: mutate-cases.js write DIR [AREA|TOPIC..] | check OUTPUT');
  process.exitCode = 2;
}
