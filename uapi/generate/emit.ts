import type { Width } from './clang.ts';
import { layoutText, membersType, type Used } from './emit-record.ts';
import { GenerateError } from './generate-error.ts';
import type { CommandModel, ConstantModel, HeaderModel, RecordModel } from './model.ts';
import { modulePath, relativeImport, typeName } from './names.ts';

/** Names that a generated module defines or imports besides those of the kernel. */
const ownNames = ['Struct', 'describe', 'description'];

export interface EmitOptions {
  /** Name and version of what the header came from. */
  readonly source: string;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function constantText({ value: both, hex: asHex }: ConstantModel, width: Width = 'wide'): string {
  const value = both[width];
  const digits = asHex && value >= 10 ? `0x${value.toString(16)}` : String(value);
  return typeof value === 'bigint' ? `${digits}n` : digits;
}

/** A list on one line, or one item a line where that gets long. */
function wrapped(open: string, items: readonly string[], close: string, indent = 0): string {
  const line = `${open}${items.join(', ')}${close}`;
  if (line.length <= 100 - indent) return line;
  const margin = ' '.repeat(indent);
  const inner = items.map((item) => `${margin}  ${item},`);
  return [open.trimEnd(), ...inner, margin + close.trimStart()].join('\n');
}

function recordText(record: RecordModel, used: Used): string {
  const type = typeName(record.name);
  return [
    `export type ${type} = ${membersType(record.members, '')};`,
    `export const ${record.name} = new Struct<${type}>(${layoutText(record, '', used)});`,
  ].join('\n');
}

function commandText(command: CommandModel): string {
  const { name, request, argument, record } = command;
  const type = record === undefined ? '' : `<${typeName(record)}>`;
  const args = [
    `'${name}'`,
    hex(request.wide),
    hex(request.narrow),
    ...(argument === undefined ? [] : [`'${argument}'`]),
    ...(record === undefined ? [] : [record]),
  ];
  if (argument === undefined && request.wide === request.narrow) args.pop();
  return wrapped(`export const ${name} = command${type}(`, args, ');');
}

/** Macros and enumerators, each name once; what is a command is not also a constant. */
function listConstants(model: HeaderModel): ConstantModel[] {
  const commands = new Set(model.commands.map(({ name }) => name));
  const all = [...model.enums.flatMap(({ constants }) => constants), ...model.constants];
  const unique = new Map(all.toReversed().map((constant) => [constant.name, constant]));
  return [...unique.values()].toReversed().filter(({ name }) => !commands.has(name));
}

/** Written out, since the exported constants are those of the 64-bit ABI. */
function constants32Text(model: HeaderModel): string {
  const differing = listConstants(model).filter(({ value }) => value.wide !== value.narrow);
  if (differing.length === 0) return '';
  const items = differing.map((each) => `${each.name}: ${constantText(each, 'narrow')}`);
  return `\n  constants32: ${wrapped('() => ({ ', items, ' })', 2)},`;
}

/** A function that gives an object with these exports of the module, called when first wanted. */
function thunkText(names: readonly string[]): string {
  return names.length === 0 ? '() => ({})' : wrapped('() => ({ ', names, ' })', 2);
}

function enumsThunk({ enums, commands }: HeaderModel): string {
  const isCommand = new Set(commands.map(({ name }) => name));
  const named = enums.flatMap(({ name, constants }) => {
    const names = constants.map((each) => each.name).filter((each) => !isCommand.has(each));
    return name === undefined ? [] : [wrapped(`${name}: { `, names, ' }', 4)];
  });
  return named.length === 0 ? '() => ({})' : `() => ({\n    ${named.join(',\n    ')},\n  })`;
}

function descriptionText(model: HeaderModel, { source }: EmitOptions): string {
  const constants = listConstants(model).map(({ name }) => name);
  return `export const description: HeaderDescription = describe({
  header: '${model.header}',
  source: '${source}',
  structs: ${thunkText(model.records.map(({ name }) => name))},
  commands: ${thunkText(model.commands.map(({ name }) => name))},
  constants: ${thunkText(constants)},${constants32Text(model)}
  enums: ${enumsThunk(model)},
});`;
}

function foreignImports(model: HeaderModel, module: string): string[] {
  const byHeader = new Map<string, string[]>();
  for (const [record, header] of model.foreign) {
    byHeader.set(header, [...(byHeader.get(header) ?? []), record]);
  }
  return [...byHeader]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([header, records]) => {
      const names = records.flatMap((record) => [record, `type ${typeName(record)}`]);
      const path = relativeImport(module, modulePath(header));
      return wrapped('import { ', names.toSorted(), ` } from '${path}';`);
    });
}

function ownImports(used: Used, hasRecords: boolean, module: string): string[] {
  const up = '../'.repeat(module.split('/').length);
  const fields = [...used].toSorted();
  return [
    `import type { HeaderDescription } from '${up}description.ts';`,
    wrapped('import { ', fields, ` } from '${up}fields.ts';`),
    ...(hasRecords ? [`import { Struct } from '${up}layout.ts';`] : []),
  ];
}

/** One JavaScript name must mean one thing. */
function checkNames(model: HeaderModel, used: Used): void {
  const seen = new Set([...ownNames, ...used, ...model.foreign.keys()]);
  const records = model.records.map(({ name }) => name);
  const types = [...records, ...model.foreign.keys()].map(typeName);
  const values = [...model.commands, ...listConstants(model)].map(({ name }) => name);
  for (const name of [...records, ...values, ...types]) {
    if (seen.has(name)) throw new GenerateError(`${model.header}: two things are called ${name}`);
    seen.add(name);
  }
}

/** The text of the module that describes a header; depends on nothing but its arguments. */
export function emitModule(model: HeaderModel, options: EmitOptions): string {
  const module = modulePath(model.header);
  const used: Used = new Set();
  const records = model.records.map((record) => recordText(record, used));
  const commands = model.commands.map(commandText);
  used.add('describe');
  if (commands.length > 0) used.add('command');
  const constants = listConstants(model).map(
    (constant) => `export const ${constant.name} = ${constantText(constant)};`,
  );
  checkNames(model, used);
  const imports = [
    ...ownImports(used, records.length > 0, module),
    ...foreignImports(model, module),
  ];
  return [
    `// Generated by uapi/generate from ${model.header} of ${options.source}. Do not edit.`,
    '',
    imports.join('\n'),
    '',
    ...records.flatMap((text) => [text, '']),
    ...(commands.length > 0 ? [commands.join('\n'), ''] : []),
    ...(constants.length > 0 ? [constants.join('\n'), ''] : []),
    descriptionText(model, options),
    '',
  ].join('\n');
}
