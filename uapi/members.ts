import { type Codec, codecOf } from './codec.ts';
import type { Field } from './description.ts';

/** Which member of a union a field belongs to; two members of one union exclude each other. */
interface Choice {
  readonly union: object;
  readonly member: string;
}

/** A member as its name is looked up: with where it lies and what it excludes. */
export interface Member {
  readonly field: Field;
  readonly offset: number;
  readonly offset32: number;
  readonly codec: Codec;
  readonly choices: readonly Choice[];
}

/** Members by name, with those of anonymous structs and unions lifted to where C sees them. */
export function* membersOf(
  fields: readonly Field[],
  union: object | undefined,
  at: Pick<Member, 'offset' | 'offset32' | 'choices'> = { offset: 0, offset32: 0, choices: [] },
): Generator<[string, Member]> {
  for (const [index, field] of fields.entries()) {
    const offset = at.offset + field.offset;
    const offset32 = at.offset32 + field.offset32;
    const member = field.name || `member ${index}`;
    const choices = union ? [...at.choices, { union, member }] : at.choices;
    const anonymous = field.name === '' && (field.kind === 'struct' || field.kind === 'union');
    if (!anonymous) {
      yield [field.name, { field, offset, offset32, codec: codecOf(field), choices }];
      continue;
    }
    const inner = field.kind === 'union' ? field.struct : undefined;
    yield* membersOf(field.struct.fields, inner, { offset, offset32, choices });
  }
}
