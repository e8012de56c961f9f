import type { Memory } from '../cases/types.gen.ts';
import type { AnyStruct, Field } from '../uapi/description.ts';
import { Struct } from '../uapi/layout.ts';

/**
 * Memory that a pointer of an ioctl's struct leads to, as a struct of its own with one field of the
 * pointer's name. So paths, numbers and structs in it are checked and written like those of the
 * argument itself, when a case is loaded and again when it runs.
 */

const INTEGER_BYTES = { u8: 1, u16: 2, u32: 4, u64: 8 } as const;

export const MEMORY_KINDS = ['u8', 'u16', 'u32', 'u64', 'structs', 'text', 'bytes'] as const;
export type MemoryKind = (typeof MEMORY_KINDS)[number];

type Listed =
  | Exclude<Memory['u64'], undefined>[number]
  | Exclude<Memory['items'], undefined>[number];

export function isMemory(value: unknown): value is Memory {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What it says that it is: one, when the case is right. */
export function kindsOf(memory: Memory): MemoryKind[] {
  return MEMORY_KINDS.filter((kind) => memory[kind] !== undefined);
}

/** What is listed, by the path below the pointer's name. */
export function listed(memory: Memory): readonly Listed[] {
  return memory.u8 ?? memory.u16 ?? memory.u32 ?? memory.u64 ?? memory.items ?? [];
}

/** How many elements there are without a `length`; undefined where only that can tell. */
export function ownLength(memory: Memory): number | undefined {
  if (memory.text !== undefined) return Buffer.byteLength(memory.text) + 1;
  return memory.bytes === undefined ? listed(memory).length : undefined;
}

/**
 * The layout.
 *
 * @param name the pointer's, without what is before its last dot
 * @param length elements; undefined where that is not known yet
 * @param element the struct that `structs` names
 */
export function memoryStruct(
  name: string,
  kind: MemoryKind,
  length: number | undefined,
  element?: AnyStruct,
): AnyStruct {
  const field = fieldOf(name, kind, length, element);
  const { size } = field;
  return new Struct({
    name: `memory of ${name}`,
    size,
    size32: size,
    spelling: `what ${name} leads to`,
    fields: () => [field],
  });
}

function fieldOf(
  name: string,
  kind: MemoryKind,
  length: number | undefined,
  struct: AnyStruct | undefined,
): Field {
  const element = elementOf(kind, struct);
  const size = (length ?? 0) * element.size;
  const base = { name, type: `${element.type}[]`, offset: 0, offset32: 0, size, size32: size };
  const flexible = length === undefined;
  const count = length ?? 0;
  if (kind === 'text') return { ...base, kind: 'chars', length: count, flexible };
  return { ...base, kind: 'array', element, length: count, length32: count, flexible };
}

function elementOf(kind: MemoryKind, struct: AnyStruct | undefined): Field {
  const name = { name: '', offset: 0, offset32: 0 };
  if (kind === 'structs') {
    if (struct === undefined) throw new Error('memory of structs needs the struct');
    const { size, size32, spelling } = struct;
    return { ...name, kind: 'struct', type: spelling, size, size32, struct };
  }
  const size = kind === 'text' || kind === 'bytes' ? 1 : INTEGER_BYTES[kind];
  const wide = size === 8;
  return { ...name, kind: 'unsigned', type: `__u${size * 8}`, size, size32: size, wide };
}

/** The last name of a path, by which what it leads to is known: `relocs` of `commands[0].relocs`. */
export function leafOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}
