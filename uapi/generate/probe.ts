import type { AnyStruct, Command, Field, HeaderDescription } from '../description.ts';
import type { Width } from './clang.ts';
import { PRELUDE } from './preprocess.ts';

/**
 * The check of a description by a C compiler: a file of static assertions, written from the
 * description alone. It shares nothing with the generator's own way to its numbers.
 */

export interface Probe {
  readonly source: string;
  readonly counts: ProbeCounts;
}

export interface ProbeCounts {
  sizes: number;
  offsets: number;
  types: number;
  commands: number;
  constants: number;
}

interface Member {
  readonly path: string;
  readonly offset: number;
  readonly size: number;
  readonly field: Field;
}

function* membersOf(
  fields: readonly Field[],
  width: Width,
  prefix: string,
  base: number,
): Generator<Member> {
  for (const field of fields) {
    const at = base + (width === 'wide' ? field.offset : field.offset32);
    const size = width === 'wide' ? field.size : field.size32;
    const path = prefix + field.name;
    if (field.name !== '') yield { path, offset: at, size, field };
    yield* below(field, width, path, at);
  }
}

/** What a group holds, and the first and last element of an array. */
function* below(field: Field, width: Width, path: string, at: number): Generator<Member> {
  if (field.kind === 'struct' || field.kind === 'union') {
    const prefix = field.name === '' && !path.endsWith(']') ? path : `${path}.`;
    yield* membersOf(field.struct.fields, width, prefix, at);
  }
  if (field.kind !== 'array' || field.flexible) return;
  const { element } = field;
  const stride = width === 'wide' ? element.size : element.size32;
  const length = width === 'wide' ? field.length : field.length32;
  for (const index of new Set([0, length - 1])) {
    const place = `${path}[${index}]`;
    yield { path: place, offset: at + index * stride, size: stride, field: element };
    yield* below(element, width, place, at + index * stride);
  }
}

/** A pointer's class in GCC and clang. */
const POINTER_TYPE_CLASS = 5;

class ProbeWriter {
  readonly lines: string[] = [];
  readonly counts: ProbeCounts = { sizes: 0, offsets: 0, types: 0, commands: 0, constants: 0 };
  readonly #width: Width;

  constructor(width: Width) {
    this.#width = width;
  }

  #check(kind: keyof ProbeCounts, condition: string): void {
    this.counts[kind]++;
    this.lines.push(`_Static_assert(${condition}, "");`);
  }

  struct(struct: AnyStruct): void {
    const size = this.#width === 'wide' ? struct.size : struct.size32;
    this.#check('sizes', `sizeof(${struct.spelling}) == ${size}`);
    for (const member of membersOf(struct.fields, this.#width, '', 0)) {
      if (member.field.kind !== 'bitfield') this.#member(struct, member);
    }
  }

  #member({ spelling }: AnyStruct, { path, offset, size, field }: Member): void {
    const value = `((${spelling} *)0)->${path}`;
    this.#check('offsets', `__builtin_offsetof(${spelling}, ${path}) == ${offset}`);
    const flexible = (field.kind === 'array' || field.kind === 'chars') && field.flexible;
    if (!flexible) this.#check('sizes', `sizeof(${value}) == ${size}`);
    if (field.kind === 'unsigned' || field.kind === 'signed') {
      const sign = field.kind === 'signed' ? '<' : '>';
      this.#check('types', `(__typeof__(${value}))-1 ${sign} 0`);
    } else if (field.kind === 'pointer') {
      this.#check('types', `__builtin_classify_type(${value}) == ${POINTER_TYPE_CLASS}`);
    }
  }

  command({ name, request, request32, argument, struct }: Command): void {
    const number = this.#width === 'wide' ? request : request32;
    this.#check('commands', `(unsigned int)(${name}) == ${number}u`);
    if (argument === undefined) return;
    this.#check('commands', `_IOC_SIZE(${name}) == sizeof(${argument})`);
    if (!struct) return;
    const size = this.#width === 'wide' ? struct.size : struct.size32;
    this.#check('commands', `_IOC_SIZE(${name}) == ${size}`);
  }

  constant(name: string, value: number | bigint): void {
    const unsigned = BigInt.asUintN(64, BigInt(value));
    this.#check('constants', `(unsigned long long)(${name}) == ${unsigned}ull`);
  }
}

/** C that compiles for an ABI exactly if the description tells the truth about it. */
export function writeProbe(description: HeaderDescription, width: Width): Probe {
  const writer = new ProbeWriter(width);
  for (const struct of Object.values(description.structs)) writer.struct(struct);
  for (const command of Object.values(description.commands)) writer.command(command);
  const { constants, constants32 } = description;
  const values = width === 'wide' ? constants : { ...constants, ...constants32 };
  for (const [name, value] of Object.entries(values)) writer.constant(name, value);
  const source = [`${PRELUDE}#include <${description.header}>`, ...writer.lines, ''].join('\n');
  return { source, counts: writer.counts };
}

/** A bit-field and the struct value that has all its bits set and no others. */
export interface BitProbe {
  readonly struct: AnyStruct;
  readonly path: string;
}

/** Every bit-field that a designator can reach. */
export function listBitFields(description: HeaderDescription): BitProbe[] {
  return Object.values(description.structs).flatMap((struct) =>
    [...membersOf(struct.fields, 'wide', '', 0)]
      .filter(({ field }) => field.kind === 'bitfield')
      .map(({ path }) => ({ struct, path })),
  );
}

/** C whose symbols `bits_N` are structs with all bits of the Nth bit-field set. */
export function writeBitProbe(header: string, probes: readonly BitProbe[]): string {
  const values = probes.map(
    ({ struct, path }, index) => `const ${struct.spelling} bits_${index} = { .${path} = -1 };`,
  );
  return [`${PRELUDE}#include <${header}>`, ...values, ''].join('\n');
}
