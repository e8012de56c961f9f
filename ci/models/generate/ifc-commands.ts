import {
  type CommandsWanted,
  constantsIn,
  generatedFrom,
  hex,
  isNamed,
  type Member,
  type NestedStruct,
  readable,
  Shapes,
  structName,
  typeName,
} from './ifc.ts';

/**
 * Writes commands of mlx5_ifc.h as structs like those of the uAPI, for who sends them to the device through
 * its driver.
 */
export function emitIfcCommands(
  headers: readonly string[],
  wanted: CommandsWanted,
  origin: string,
): string {
  return [
    generatedFrom(origin),
    "import type { HeaderDescription } from '../../description.ts';",
    "import { array, describe, deviceBits, inline, nested, u8 } from '../../fields.ts';",
    "import { Struct } from '../../layout.ts';",
    "import * as codes from './mlx5-command-codes.ts';\n",
    ...structTexts(readable(headers), wanted),
    'export const description: HeaderDescription = describe({',
    "  header: 'linux/mlx5/mlx5_ifc.h',",
    `  source: '${origin}',`,
    `  structs: () => ({\n${wanted.structs.map((name) => `    ${name},`).join('\n')}\n  }),`,
    '  commands: () => ({}),',
    '  constants: () => ({ ...codes }),',
    '  enums: () => ({}),',
    '});\n',
  ].join('\n');
}

/** Writes the constants of commands, which their receiver needs too. */
export function emitCommandCodes(
  headers: readonly string[],
  wanted: CommandsWanted,
  origin: string,
): string {
  const constants = constantsIn(readable(headers), wanted.constants);
  return [generatedFrom(origin), ...constants, ''].join('\n');
}

/** The commands, and once each what is nested in them. */
function structTexts(text: string, wanted: CommandsWanted): string[] {
  const chosen = Object.entries(wanted.unions).map(
    ([union, one]) => [typeName(union), typeName(one)] as const,
  );
  const shapes = new Shapes(text, { has: () => true }, new Map(chosen));
  const types = new Set(wanted.structs.map(typeName));
  const commands = types.size;
  const lines: string[] = [];
  // A set shows what is added while it is gone through.
  for (const type of types) {
    const { bits, members } = shapes.of('struct', type);
    const named = members.filter((one) => isNamed(one) && (one.bits > 0 || one.struct));
    for (const { struct } of named) if (struct !== undefined) types.add(struct.type);
    const layout = layoutText(structName(type), bits, named);
    const scope = lines.length < commands ? 'export const' : 'const';
    lines.push(`${scope} ${structName(type)} = new Struct(${layout});\n`);
  }
  return lines;
}

function layoutText(name: string, bits: number, members: readonly Member[]): string {
  const size = hex(bits / 8);
  return `{ name: '${name}', size: ${size}, size32: ${size}, fields: () => [\n${fieldsText(members)}\n] }`;
}

/** Members of groups without a type have the group's name before them; those that have the same are one group. */
function fieldsText(members: readonly Member[]): string {
  const groups = new Map<string, Member[]>();
  for (const one of members) {
    const [first = '', ...rest] = one.name.split('.');
    groups.set(first, [...(groups.get(first) ?? []), { ...one, name: rest.join('.') }]);
  }
  return [...groups].map(([name, parts]) => `  ${fieldText(name, parts)},`).join('\n');
}

function fieldText(name: string, parts: readonly Member[]): string {
  const [first] = parts;
  if (first === undefined) throw new Error(`${name} has no parts`);
  if (first.name !== '') return groupText(name, parts);
  if (first.struct !== undefined) return structText(name, first.offset / 8, first.struct);
  if (first.bits <= 64) return `deviceBits('${name}', ${hex(first.offset)}, ${first.bits})`;
  return `array('${name}', u8('', 0), ${first.bits / 8}, ${first.offset / 8})`;
}

function structText(name: string, offset: number, { type, count }: NestedStruct): string {
  if (count === undefined) return `nested('${name}', ${structName(type)}, ${offset})`;
  return `array('${name}', nested('', ${structName(type)}, 0), ${count}, ${offset})`;
}

/** A group begins with the word that its first named member is in. */
function groupText(name: string, parts: readonly Member[]): string {
  const start = Math.floor(Math.min(...parts.map(({ offset }) => offset)) / 32) * 32;
  const end = Math.max(...parts.map(({ offset, bits }) => offset + bits));
  const inner = parts.map((one) => ({ ...one, offset: one.offset - start }));
  const bits = Math.ceil((end - start) / 8) * 8;
  return `inline('${name}', ${layoutText(name, bits, inner)}, ${start / 8})`;
}
