import { GenerateError } from './generate-error.ts';
import type { Both, MemberModel, RecordModel, Shape } from './model.ts';
import { typeName } from './names.ts';

/** Writes records as calls of the constructors in uapi/fields.ts, and as TypeScript types. */

/** Notes which constructors were used, for the import. */
export type Used = Set<string>;

const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const constructors = new Map([
  ['unsigned 1 1', ['u8', '__u8']],
  ['unsigned 2 2', ['u16', '__u16']],
  ['unsigned 4 4', ['u32', '__u32']],
  ['unsigned 8 8', ['u64', '__u64']],
  ['unsigned 8 4', ['ulong', 'unsigned long']],
  ['signed 1 1', ['s8', '__s8']],
  ['signed 2 2', ['s16', '__s16']],
  ['signed 4 4', ['s32', '__s32']],
  ['signed 8 8', ['s64', '__s64']],
  ['signed 8 4', ['slong', 'long']],
  ['pointer 8 4', ['pointer', 'void *']],
]);

function same({ wide, narrow }: Both): boolean {
  return wide === narrow;
}

/** The offsets, shortened to one where both are the same and nothing follows. */
function places(offset: Both, more: readonly string[] = []): string[] {
  const one = same(offset) && more.length === 0;
  return one ? [`${offset.wide}`] : [`${offset.wide}`, `${offset.narrow}`, ...more];
}

type Scalar = Extract<Shape, { kind: 'unsigned' | 'signed' | 'pointer' }>;

function scalarCall(name: string, shape: Scalar, offset: Both, used: Used): string {
  const { kind, type, size } = shape;
  const [call, usual] = constructors.get(`${kind} ${size.wide} ${size.narrow}`) ?? [];
  if (call === undefined) {
    throw new GenerateError(`${name}: ${kind} of ${size.wide} and ${size.narrow} bytes`);
  }
  used.add(call);
  const args = [quote(name), ...places(offset, type === usual ? [] : [quote(type)])];
  return `${call}(${args.join(', ')})`;
}

function bitsCall(name: string, shape: Extract<Shape, { kind: 'bits' }>, used: Used): string {
  used.add('bits');
  const { position, width, signed, wide, type } = shape;
  const parts = [
    `position: ${position.wide}`,
    ...(same(position) ? [] : [`position32: ${position.narrow}`]),
    `width: ${width}`,
    ...(signed ? ['signed: true'] : []),
    ...(wide ? ['wide: true'] : []),
  ];
  const tail = type === '__u32' ? '' : `, ${quote(type)}`;
  return `bits(${quote(name)}, { ${parts.join(', ')} }${tail})`;
}

/** The constructor call for a member, or for an array's element (name '', offset 0). */
function shapeCall(name: string, shape: Shape, offset: Both, indent: string, used: Used): string {
  const at = places(offset).join(', ');
  switch (shape.kind) {
    case 'unsigned':
    case 'signed':
    case 'pointer':
      return scalarCall(name, shape, offset, used);
    case 'bits':
      return bitsCall(name, shape, used);
    case 'record':
      used.add('nested');
      return `nested(${quote(name)}, ${shape.record}, ${at})`;
    case 'inline':
      used.add('inline');
      return `inline(${quote(name)}, ${layoutText(shape.record, indent, used)}, ${at})`;
    case 'array': {
      used.add('array');
      const element = shapeCall('', shape.element, { wide: 0, narrow: 0 }, indent, used);
      const { wide, narrow } = shape.length;
      const more = wide === narrow ? at : `${offset.wide}, ${offset.narrow}, ${narrow}`;
      return `array(${quote(name)}, ${element}, ${wide}, ${more})`;
    }
    case 'chars':
      used.add('chars');
      return `chars(${quote(name)}, ${shape.length}, ${at})`;
  }
}

/** The StructLayout literal of a record. */
export function layoutText(record: RecordModel, indent: string, used: Used): string {
  const { name, spelling, size, union, members } = record;
  const inner = `${indent}  `;
  const fields = members.map(
    (member) =>
      `${inner}  ${shapeCall(member.name, member.shape, member.offset, `${inner}  `, used)},`,
  );
  return [
    '{',
    `${inner}name: ${quote(name)},`,
    `${inner}size: ${size.wide},`,
    `${inner}size32: ${size.narrow},`,
    ...(union ? [`${inner}union: true,`] : []),
    ...(spelling === name ? [`${inner}spelling: ${quote(spelling)},`] : []),
    `${inner}fields: () => [`,
    ...fields,
    `${inner}],`,
    `${indent}}`,
  ].join('\n');
}

function valueType(shape: Shape, indent: string): string {
  switch (shape.kind) {
    case 'unsigned':
    case 'signed':
    case 'pointer':
      return shape.size.wide === 8 ? 'bigint' : 'number';
    case 'bits':
      return shape.wide ? 'bigint' : 'number';
    case 'record':
      return typeName(shape.record);
    case 'inline':
      return membersType(shape.record.members, indent);
    case 'array':
      return `${valueType(shape.element, indent)}[]`;
    case 'chars':
      return 'string';
  }
}

/** Members as they decode: those of anonymous groups among their parent's. */
function memberLines(members: readonly MemberModel[], indent: string): string[] {
  return members.flatMap(({ name, shape }) => {
    if (name === '' && shape.kind === 'inline') return memberLines(shape.record.members, indent);
    return [`${indent}${name}: ${valueType(shape, indent)};`];
  });
}

/** The object type that a record decodes to. */
export function membersType(members: readonly MemberModel[], indent: string): string {
  const lines = memberLines(members, `${indent}  `);
  return lines.length === 0 ? 'Record<string, never>' : `{\n${lines.join('\n')}\n${indent}}`;
}
