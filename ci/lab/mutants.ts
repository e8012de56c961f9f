import type { Case, Step } from '../../cases/types.gen.ts';
import { parameterRows } from '../../harness/cases/parameters.ts';
import { substitute } from '../../harness/cases/substitute.ts';
import { parseSize, SizeError } from '../../harness/size.ts';

/** Neither a size, a handle, a count nor an inode that a case meets. */
const WRONG_NUMBER = 23130;
/** Of an element, which may be a byte: of no text, either. */
const WRONG_ELEMENT = 0xa7;

type Mutant = readonly [what: string, step: Step];
type Gives = NonNullable<Step['gives']>[string];

function wrongValue(field: string, value: Gives): Gives {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  if (/^(0x[0-9a-f]+|\d+)$/i.test(value)) return `${BigInt(value) ^ 1n}`;
  const isName = /(^|\.)name$/.test(field) || !isConstant(value);
  if (!isSize(value) && isName) return `${value}x`;
  return field.endsWith(']') ? WRONG_ELEMENT : WRONG_NUMBER;
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
  const { fails, gives, bytes, fill, equal, different, oneOf, atLeast, aligned, takes, process } =
    step;
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
  if (oneOf !== undefined) {
    yield ['oneOf', { ...step, oneOf: [oneOf[0] ?? 0, 'none of them', 'nor this'] }];
  }
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
const NO_DEED = [
  'bytes',
  'equal',
  'different',
  'oneOf',
  'atLeast',
  'aligned',
  'sleep',
  'join',
] as const;

/** Whether a step does something that a check behind it should see. */
function isDeed(step: Step): boolean {
  if (step.fails !== undefined || step.gives !== undefined || step.takes !== undefined) {
    return false;
  }
  return !NO_DEED.some((verb) => step[verb] !== undefined);
}

/** Each way to leave out one deed behind which something comes, and the deed. */
function* withoutDeeds(steps: readonly Step[]): Generator<readonly [string, Step[], Step]> {
  for (const [index, step] of steps.entries()) {
    if (index + 1 < steps.length && isDeed(step)) {
      yield [`${index + 1}: left out`, steps.toSpliced(index, 1), step];
    }
    for (const verb of ['repeat', 'process'] as const) {
      const inner = step[verb];
      if (inner === undefined) continue;
      for (const [what, rest, deed] of withoutDeeds(inner.steps)) {
        const without = { ...step, [verb]: { ...inner, steps: rest } } as Step;
        yield [`${index + 1}: ${what}`, steps.with(index, without), deed];
      }
    }
  }
}

/** Whether a case can be read without a step: nothing speaks of what it made, and each role acts. */
function isWhole(deed: Step, rest: Case): boolean {
  const { as, process } = deed;
  const names = [...(as === undefined ? [] : [as]), ...(process?.give ?? [])];
  const text = JSON.stringify(rest);
  const actors = JSON.stringify(deed).match(/"on":"\w+"/g) ?? [];
  if (!actors.every((actor) => text.includes(actor))) return false;
  return !names.some((name) =>
    new RegExp(`\\$${name}\\b|"on":"${name}"|"give":\\[[^\\]]*"${name}"`).test(text),
  );
}

/** The steps of a case without each deed that the rest of it can be read without. */
function* deedLists(one: Case): Generator<readonly [string, Step[]]> {
  for (const [what, steps, deed] of withoutDeeds(one.steps)) {
    if (isWhole(deed, { ...one, steps: [...steps] })) yield [what, steps];
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
  const mutated = kind === 'deeds' ? deedLists(one) : mutantLists(one.steps);
  const all: (readonly [string, Step[]])[] = [['0: as it is', [...one.steps]], ...mutated];
  for (const [number, [what, steps]] of all.entries()) {
    for (const [row, values] of parameterRows(parameters).entries()) {
      const name = `${one.name}-m${number}-r${row}`;
      const title = number === 0 ? 'The case itself' : `Mutant, step ${what}`;
      yield { ...substitute({ ...bare, steps }, values), name, title };
    }
  }
}
