import { LayoutError } from './codec.ts';
import type { Field, FieldKind } from './description.ts';

/** Where a field lies, counted from the start of the outermost struct, in both ABIs. */
export interface Place {
  readonly path: string;
  readonly kind: FieldKind;
  readonly type: string;
  readonly offset: number;
  readonly size: number;
  readonly offset32: number;
  readonly size32: number;
  readonly field: Field;
}

/** A field as the member of that name, or below it. */
export function placeOf(path: string, field: Field, offset: number, offset32: number): Place {
  const { kind, type, size, size32 } = field;
  return { path, kind, type, offset, size, offset32, size32, field };
}

/** What lies one step below: `[2]` or the name of a member. @throws LayoutError when there is none */
export function placeBelow(place: Place, step: string): Place {
  return step.startsWith('[') ? elementOf(place, step) : memberOf(place, step);
}

function elementOf(place: Place, step: string): Place {
  const { field, path } = place;
  const index = Number(step.slice(1, -1));
  if (field.kind !== 'array') throw new LayoutError(`'${path}' is not an array`);
  if (!field.flexible && index >= field.length) {
    throw new LayoutError(`'${path}' has ${field.length} elements, there is no [${index}]`);
  }
  const { element } = field;
  const offset = place.offset + index * element.size;
  return placeOf(path + step, element, offset, place.offset32 + index * element.size32);
}

function memberOf(place: Place, name: string): Place {
  const { field, path } = place;
  if (field.kind !== 'struct' && field.kind !== 'union') {
    throw new LayoutError(`'${path}' is not a struct, it has no field '${name}'`);
  }
  const member = field.struct.field(name);
  const offset = place.offset + member.offset;
  return placeOf(`${path}.${name}`, member.field, offset, place.offset32 + member.offset32);
}
