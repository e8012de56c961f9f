import { type Compiler, mustClang, type Width } from './clang.ts';
import { readSymbols } from './elf.ts';
import { GenerateError } from './generate-error.ts';
import type { Both } from './model.ts';

/**
 * Asks the C compiler. Whoever needs numbers is run twice: first with an asker that only notes
 * the questions and answers 0, then, when all were compiled at once, with one that knows.
 */
export interface Asker {
  /** An integer constant expression, as unsigned 64-bit. */
  value(expression: string): Both<bigint>;
  /** Where a bit-field lies: `record` as C spells it, `path` a designator below it. */
  bits(record: string, path: string): BitSpan;
}

export interface BitSpan {
  readonly position: Both;
  readonly width: number;
}

interface Questions {
  readonly values: Set<string>;
  /** Initializers by record spelling and path. */
  readonly bits: Map<string, string>;
}

const zero: Both<bigint> = { wide: 0n, narrow: 0n };

function notingAsker(questions: Questions): Asker {
  return {
    value(expression) {
      questions.values.add(expression);
      return zero;
    },
    bits(record, path) {
      questions.bits.set(`${record} ${path}`, `${record} NAME = { .${path} = -1 }`);
      return { position: { wide: 0, narrow: 0 }, width: 1 };
    },
  };
}

function questionSource({ values, bits }: Questions): string {
  const initializers = [...bits.values()].map(
    (text, index) => `const ${text.replace('NAME', `uapi_bits_${index}`)};`,
  );
  const list = [...values].map((expression) => `(unsigned long long)(${expression}),`);
  return [
    '',
    'const unsigned long long uapi_values[] = {',
    ...list,
    '0 };',
    ...initializers,
    '',
  ].join('\n');
}

/** The run of one bits in a struct whose every other bit is zero. */
function bitSpan(bytes: Buffer): { position: number; width: number } {
  const set: number[] = [];
  for (const [index, byte] of bytes.entries()) {
    for (let bit = 0; bit < 8; bit++) if ((byte >> bit) & 1) set.push(index * 8 + bit);
  }
  return { position: set[0] ?? 0, width: set.length };
}

interface Answers {
  readonly values: ReadonlyMap<string, bigint>;
  readonly bits: ReadonlyMap<string, { position: number; width: number }>;
}

function answer(compiler: Compiler, width: Width, source: string, questions: Questions): Answers {
  const object = mustClang(
    compiler,
    width,
    ['-c', '-O0', '-g0', '-o', '-'],
    source + questionSource(questions),
    'evaluating sizes, offsets and constants',
  );
  const symbols = readSymbols(object);
  const table = symbols.get('uapi_values');
  if (!table) throw new GenerateError('the compiled object lacks uapi_values');
  const values = [...questions.values].map(
    (expression, index) => [expression, table.readBigUInt64LE(index * 8)] as const,
  );
  const bits = [...questions.bits.keys()].map(
    (key, index) => [key, bitSpan(symbols.get(`uapi_bits_${index}`) ?? Buffer.alloc(0))] as const,
  );
  return { values: new Map(values), bits: new Map(bits) };
}

function knownOf<T>(map: ReadonlyMap<string, T>, key: string): T {
  const found = map.get(key);
  if (found === undefined) throw new GenerateError(`not asked in the first run: ${key}`);
  return found;
}

function knowingAsker(wide: Answers, narrow: Answers): Asker {
  return {
    value: (key) => ({ wide: knownOf(wide.values, key), narrow: knownOf(narrow.values, key) }),
    bits(record, path) {
      const [first, second] = [wide, narrow].map(({ bits }) => knownOf(bits, `${record} ${path}`));
      return {
        position: { wide: first?.position ?? 0, narrow: second?.position ?? 0 },
        width: first?.width ?? 0,
      };
    },
  };
}

/**
 * Builds something that needs numbers from the compiler, for both ABIs.
 *
 * @param sources the C text per ABI that the expressions may refer to
 * @param build pure; it is called twice and must ask the same both times
 */
export function evaluate<T>(
  compiler: Compiler,
  sources: Both<string>,
  build: (ask: Asker) => T,
): T {
  const questions: Questions = { values: new Set(), bits: new Map() };
  build(notingAsker(questions));
  const wide = answer(compiler, 'wide', sources.wide, questions);
  const narrow = answer(compiler, 'narrow', sources.narrow, questions);
  return build(knowingAsker(wide, narrow));
}
