import type { AnyStruct, Field } from './description.ts';
import type { Place } from './place.ts';

/** A run of bytes. */
export interface Span {
  readonly offset: number;
  readonly size: number;
}

interface Base {
  readonly path: string;
  readonly offset: number;
  readonly offset32: number;
}

function* leavesOf(field: Field, base: Base): Generator<Place> {
  const { kind, type, size, size32, name } = field;
  const path = base.path !== '' && name !== '' ? `${base.path}.${name}` : base.path + name;
  const offset = base.offset + field.offset;
  const offset32 = base.offset32 + field.offset32;
  if (kind === 'struct' || kind === 'union') {
    for (const member of field.struct.fields) yield* leavesOf(member, { path, offset, offset32 });
    return;
  }
  if (kind === 'array' && ['struct', 'union', 'array'].includes(field.element.kind)) {
    const { element } = field;
    for (let i = 0; i < field.length; i++) {
      yield* leavesOf(element, {
        path: `${path}[${i}]`,
        offset: offset + i * element.size,
        offset32: offset32 + i * element.size32,
      });
    }
    return;
  }
  yield { path, kind, type, offset, size, offset32, size32, field };
}

/**
 * Every member that holds a value, through nested structs and arrays of them, with its path as
 * `get` takes it. An array of numbers is one leaf; union members overlap; a flexible array of
 * structs has none.
 */
export function listLeaves(struct: AnyStruct): Place[] {
  const top = { path: '', offset: 0, offset32: 0 };
  return struct.fields.flatMap((field) => [...leavesOf(field, top)]);
}

/** Bytes that belong to no member: padding that the compiler put in (or unnamed bit-fields). */
export function listHoles(struct: AnyStruct): Span[] {
  const used = new Uint8Array(struct.size);
  for (const { offset, size } of listLeaves(struct)) used.fill(1, offset, offset + size);
  const holes: Span[] = [];
  let offset = 0;
  while (offset < used.length) {
    if (used[offset] === 1) {
      offset++;
      continue;
    }
    const end = used.indexOf(1, offset);
    const size = (end < 0 ? used.length : end) - offset;
    holes.push({ offset, size });
    offset += size;
  }
  return holes;
}
