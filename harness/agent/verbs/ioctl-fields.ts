import type { AnyStruct } from '../../../uapi/description.ts';
import { isMemory } from '../../memory-layout.ts';
import { descriptorOf, type Fields, type Scalar } from '../values.ts';
import type { Arguments, PointContext } from '../verb.ts';
import type { CallMemory } from './ioctl-memory.ts';

export type FieldInput = NonNullable<Arguments<'ioctl'>['fields']>[string];

/** The bytes of a struct, and its pointers that lead to memory of ours. */
export interface Filled {
  readonly bytes: Buffer;
  readonly pointers: readonly { readonly path: string; read(): Fields[string] }[];
}

export type Entries = readonly (readonly [path: string, value: FieldInput])[];

/** Makes a struct with these fields; all others are zero. */
export function fillStruct(
  struct: AnyStruct,
  entries: Entries,
  sizeBytes: number,
  context: PointContext,
  memory: CallMemory,
): Filled {
  const bytes = struct.make({}, sizeBytes);
  const pointers: { path: string; read(): Fields[string] }[] = [];
  for (const [path, value] of entries) {
    if (isMemory(value)) {
      const { address, read } = memory.place(path, value);
      struct.set(bytes, path, address);
      pointers.push({ path, read });
    } else if (Array.isArray(value)) {
      for (const [i, item] of value.entries())
        struct.set(bytes, `${path}[${i}]`, fieldValue(item, context));
    } else {
      const isText = struct.field(path).kind === 'chars';
      struct.set(bytes, path, isText ? textOf(value, context) : fieldValue(value, context));
    }
  }
  return { bytes, pointers };
}

/** Bytes of the struct and of as much of its flexible array as the fields reach into. */
export function sizeWith(struct: AnyStruct, entries: Entries): number {
  const ends = entries.map(([path, value]) => {
    const { offset, size, field } = struct.field(path);
    if (field.kind !== 'array' || !field.flexible || !Array.isArray(value)) return offset + size;
    return offset + value.length * field.element.size;
  });
  return Math.max(struct.size, ...ends);
}

/** All fields as they are now, with what pointers lead to in the place of their address. */
export function readFilled(struct: AnyStruct, { bytes, pointers }: Filled): Fields {
  const fields = struct.decode(bytes) as Fields;
  for (const { path, read } of pointers) replaceAt(fields, path, read());
  return fields;
}

function replaceAt(fields: Fields, path: string, value: Fields[string]): void {
  const parts = path.replaceAll(/\[(\d+)\]/g, '.$1').split('.');
  const last = parts.pop() ?? '';
  let at = fields as Record<string, unknown>;
  for (const part of parts) at = at[part] as Record<string, unknown>;
  at[last] = value;
}

function textOf(value: Scalar, context: PointContext): string {
  return String(context.scope.scalar(value));
}

/**
 * Integers, also as `0x…`, sizes with units, references. A descriptor stands for its number, a
 * mapping for its address: so a case says what a pointer in a struct leads to.
 */
function fieldValue(value: Scalar, context: PointContext): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (/^\$[a-zA-Z0-9]+$/.test(value)) {
    const named = context.scope.resolve(value);
    if (typeof named === 'object' && named.kind === 'mapping') return named.mapping.address;
    if (typeof named === 'object') return descriptorOf(named);
  }
  return /^-\d+$/.test(value) ? BigInt(value) : context.scope.size(value);
}
