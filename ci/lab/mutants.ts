import type { Case, Step } from '../../cases/types.gen.ts';
import { parameterRows } from '../../harness/cases/parameters.ts';
import { substitute } from '../../harness/cases/substitute.ts';
import { parseSize, SizeError } from '../../harness/size.ts';

/** Neither a size, a handle, a count nor an inode that a case meets. */
const WRONG_NUMBER = 23130;

type Mutant = readonly [what: string, step: Step];
type Gives = NonNullable<Step['gives']>[string];

function wrongValue(field: string, value: Gives): Gives {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  if (/^(0x[0-9a-f]+|\d+)$/i.test(value)) return `${BigInt(value) ^ 1n}`;
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
  for (const [index, operand] of (equal ?? []).entries()) {
    const first = equal?.[0];
    if (index > 0 && first !== undefined) yield ['different', { different: [first, operand] }];
  }
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

/** What a step looks at or prepares, so that nothing is lost without it but its own check. */
const NO_DEED = ['bytes', 'equal', 'different', 'atLeast', 'aligned', 'sleep', 'join'] as const;

/** The names that a step makes; nothing else may speak of them where the step is left out. */
function madeBy({ as, process }: Step): readonly string[] {
  return [...(as === undefined ? [] : [as]), ...(process?.give ?? [])];
}

/** Whether a step does something that a check behind it should see, and can be left out for a try. */
function isDeed(step: Step, others: readonly Step[]): boolean {
  if (step.fails !== undefined || step.gives !== undefined || step.takes !== undefined)
    return false;
  if (NO_DEED.some((verb) => step[verb] !== undefined)) return false;
  const text = JSON.stringify(others);
  return !madeBy(step).some((name) => new RegExp(`\\$?\\b${name}\\b`).test(text));
}

/** The steps without one that the others can do without, if anything comes after it. */
function* withoutDeeds(steps: readonly Step[]): Generator<readonly [string, Step[]]> {
  for (const [index, step] of steps.entries()) {
    const others = steps.toSpliced(index, 1);
    if (index + 1 < steps.length && isDeed(step, others)) yield [`${index + 1}: left out`, others];
    for (const verb of ['repeat', 'process'] as const) {
      const inner = step[verb];
      if (inner === undefined) continue;
      for (const [what, rest] of withoutDeeds(inner.steps)) {
        const without = { ...step, [verb]: { ...inner, steps: rest } } as Step;
        yield [`${index + 1}, ${what}`, steps.with(index, without)];
      }
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

/** What is made wrong: an expectation, which must be noticed, or a deed that is left out. */
export type MutantKind = 'expectations' | 'deeds';

/**
 * The mutants of a case, once for each row of its parameters, which they have as plain values; before
 * them as `-m0` the case itself: a mutant tells nothing where that does not pass.
 */
export function* mutantCases(one: Case, kind: MutantKind): Generator<Case> {
  const { parameters, ...bare } = one;
  const mutated = kind === 'deeds' ? withoutDeeds(one.steps) : mutantLists(one.steps);
  const all: (readonly [string, Step[]])[] = [['0: as it is', [...one.steps]], ...mutated];
  for (const [number, [what, steps]] of all.entries()) {
    for (const [row, values] of parameterRows(parameters).entries()) {
      const name = `${one.name}-m${number}-r${row}`;
      const title = number === 0 ? 'The case itself' : `Mutant, step ${what}`;
      yield { ...substitute({ ...bare, steps }, values), name, title };
    }
  }
}
