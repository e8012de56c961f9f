import type { Memory, MemoryItem } from '../../cases/types.gen.ts';
import type { AnyStruct, Field } from '../../uapi/description.ts';
import {
  kindsOf,
  listed,
  MEMORY_KINDS,
  type MemoryKind,
  memoryStruct,
  ownLength,
} from '../memory-layout.ts';
import { literalSize, SizeError } from '../size.ts';
import type { FieldChecks } from './check-fields.ts';
import { hint } from './problems.ts';
import { plainLeaf, type Reply } from './reply.ts';
import type { Blame } from './scope.ts';

/** More than any argument of an ioctl: a length of that size is a slip. */
const LARGEST_ELEMENTS = 1 << 20;

interface Checked {
  readonly value: Memory;
  readonly behind?: Reply;
}

/** Checks what a pointer is said to lead to. */
export function checkMemory(
  memory: Memory,
  field: Field,
  path: string,
  checks: FieldChecks,
  blame: Blame,
): Checked {
  const isPointer = field.kind === 'pointer' || (field.kind === 'unsigned' && field.size === 8);
  if (!isPointer) {
    blame.value([], `'${path}' is ${field.type}, which is no pointer; give it a number or a text`);
    return { value: memory };
  }
  const kind = onlyKind(memory, blame);
  if (kind === undefined) return { value: memory };
  const length = lengthOf(memory, kind, blame);
  if (length === 'wrong') return { value: memory };
  const element = elementStruct(memory, checks, blame);
  if (kind === 'structs' && element === undefined) return { value: memory };
  const struct = memoryStruct(plainLeaf(path), kind, length, element);
  return checkItems(memory, kind, struct, checks, blame);
}

function onlyKind(memory: Memory, blame: Blame): MemoryKind | undefined {
  const [kind, second] = kindsOf(memory);
  if (kind === undefined) {
    blame.value([], `say what the pointer leads to: one of ${MEMORY_KINDS.join(', ')}`);
    return undefined;
  }
  if (second !== undefined) {
    blame.key([second], `a pointer leads to '${kind}' or to '${second}'; remove one`);
    return undefined;
  }
  if (memory.items !== undefined && kind !== 'structs') {
    blame.key(['items'], `'items' belongs to 'structs'; list them under '${kind}'`);
    return undefined;
  }
  return kind;
}

/** Elements; undefined where references decide. */
function lengthOf(memory: Memory, kind: MemoryKind, blame: Blame): number | undefined | 'wrong' {
  const own = ownLength(memory);
  if (memory.length === undefined) {
    if (own !== undefined) return memory.text?.startsWith('$') === true ? undefined : own;
    blame.key([kind], `'${kind}' tells no length; add 'length'`);
    return 'wrong';
  }
  const known = knownLength(memory.length, blame.below('length'));
  if (known === undefined || known === 'wrong') return known;
  const least = memory.text === undefined ? (own ?? 0) : Buffer.byteLength(memory.text);
  if (known < least) {
    blame.value(['length'], `${known} is less than the ${least} that '${kind}' has`);
    return 'wrong';
  }
  if (known <= LARGEST_ELEMENTS) return known;
  blame.value(['length'], `${known} is more than any call takes: at most ${LARGEST_ELEMENTS}`);
  return 'wrong';
}

function knownLength(length: string | number, blame: Blame): number | undefined | 'wrong' {
  if (typeof length === 'number') return length;
  try {
    const known = literalSize(length);
    return known === undefined ? undefined : Number(known);
  } catch (error) {
    if (!(error instanceof SizeError)) throw error;
    blame.value([], error.message);
    return 'wrong';
  }
}

function elementStruct(memory: Memory, checks: FieldChecks, blame: Blame): AnyStruct | undefined {
  const { structs } = memory;
  if (structs === undefined) return undefined;
  const struct = checks.structs.get(structs);
  if (struct === undefined) {
    const known = [...checks.structs.keys()];
    blame.value(['structs'], `the headers have no struct '${structs}'; ${hint(structs, known)}`);
  }
  return struct;
}

/** Checks what is listed at its place in the memory. */
function checkItems(
  memory: Memory,
  kind: MemoryKind,
  struct: AnyStruct,
  checks: FieldChecks,
  blame: Blame,
): Checked {
  const inner = new Map<string, Reply>();
  const [list] = struct.fields;
  if (list?.kind !== 'array' || kind === 'text' || kind === 'bytes') {
    return { value: memory, behind: { struct, memory: inner } };
  }
  const { name, element } = list;
  if (element.kind === 'struct') {
    const items = (memory.items ?? []).map((fields, index) => {
      const checked = checks.fields(fields, element.struct, blame.below('items', index));
      for (const [path, reply] of checked.reply.memory) {
        inner.set(`${name}[${index}].${path}`, reply);
      }
      return checked.values;
    });
    const value = memory.items === undefined ? memory : { ...memory, items };
    return { value, behind: { struct, memory: inner } };
  }
  const items = listed(memory).map((item, index) => {
    const path = `${name}[${index}]`;
    const { value, behind } = checks.input(
      item as MemoryItem,
      element,
      path,
      blame.below(kind, index),
    );
    if (behind !== undefined) inner.set(path, behind);
    return value;
  });
  return { value: { ...memory, [kind]: items }, behind: { struct, memory: inner } };
}
