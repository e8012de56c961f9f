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
  /**
   * Undefined: TypeScript for uapi/headers/. Else JavaScript that Node loads from anywhere, and this
   * is the URL of the directory with the compiled uapi/fields.js and uapi/layout.js.
   */
  readonly library?: string | undefined;
}

/** The extension of generated modules. */
export function extensionOf({ library }: EmitOptions): string {
  return library === undefined ? 'ts' : 'mjs';
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

function recordText(record: RecordModel, used: Used, typed: boolean): string {
  const type = typeName(record.name);
  const layout = layoutText(record, '', used);
  if (!typed) return `export const ${record.name} = new Struct(${layout});`;
  return [
    `export type ${type} = ${membersType(record.members, '')};`,
    `export const ${record.name} = new Struct<${type}>(${layout});`,
  ].join('\n');
}

function commandText(command: CommandModel, typed: boolean): string {
  const { name, request, argument, record } = command;
  const type = typed && record !== undefined ? `<${typeName(record)}>` : '';
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

function descriptionText(model: HeaderModel, { source, library }: EmitOptions): string {
  const constants = listConstants(model).map(({ name }) => name);
  const type = library === undefined ? ': HeaderDescription' : '';
  return `export const description${type} = describe({
  header: '${model.header}',
  source: '${source}',
  structs: ${thunkText(model.records.map(({ name }) => name))},
  commands: ${thunkText(model.commands.map(({ name }) => name))},
  constants: ${thunkText(constants)},${constants32Text(model)}
  enums: ${enumsThunk(model)},
});`;
}

function foreignImports(model: HeaderModel, options: EmitOptions): string[] {
  const extension = extensionOf(options);
  const module = modulePath(model.header, extension);
  const byHeader = new Map<string, string[]>();
  for (const [record, header] of model.foreign) {
    byHeader.set(header, [...(byHeader.get(header) ?? []), record]);
  }
  return [...byHeader]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([header, values]) => {
      const types = values.map((record) => `type ${typeName(record)}`);
      const names = options.library === undefined ? [...values, ...types] : values;
      const path = relativeImport(module, modulePath(header, extension));
      return wrapped('import { ', names.toSorted(), ` } from '${path}';`);
    });
}

function ownImports(model: HeaderModel, used: Used, { library }: EmitOptions): string[] {
  const up = '../'.repeat(model.header.split('/').length).slice(0, -1);
  const [from, extension] = library === undefined ? [up, 'ts'] : [library, 'js'];
  const imports = [
    wrapped('import { ', [...used].toSorted(), ` } from '${from}/fields.${extension}';`),
  ];
  if (library === undefined) {
    imports.unshift(`import type { HeaderDescription } from '${from}/description.ts';`);
  }
  if (model.records.length > 0)
    imports.push(`import { Struct } from '${from}/layout.${extension}';`);
  return imports;
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
  const typed = options.library === undefined;
  const used: Used = new Set(['describe']);
  const records = model.records.map((record) => recordText(record, used, typed));
  const commands = model.commands.map((command) => commandText(command, typed));
  if (commands.length > 0) used.add('command');
  const constants = listConstants(model).map(
    (constant) => `export const ${constant.name} = ${constantText(constant)};`,
  );
  checkNames(model, used);
  const parts = [
    `// Generated by uapi/generate from ${model.header} of ${options.source}. Do not edit.`,
    [...ownImports(model, used, options), ...foreignImports(model, options)].join('\n'),
    ...records,
    commands.join('\n'),
    constants.join('\n'),
    descriptionText(model, options),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}
