import { parseType } from './c-type.ts';
import type { Compiler } from './clang.ts';
import { findCommands } from './commands.ts';
import { constantModel, looksConstant, selectConstants } from './constants.ts';
import { type Asker, evaluate } from './evaluate.ts';
import { GenerateError } from './generate-error.ts';
import type { HeaderTree } from './header-tree.ts';
import type { CommandModel, EnumModel, HeaderModel, RecordModel, Shape } from './model.ts';
import { type Macro, preprocess } from './preprocess.ts';
import { RecordBuilder } from './records.ts';
import { parseSyntax, type RecordSyntax, type Syntax } from './syntax.ts';

/** What a header says, before any number is known. */
interface Draft {
  readonly header: string;
  readonly syntax: Syntax;
  readonly commands: ReadonlyMap<string, string | undefined>;
  readonly macros: readonly Macro[];
  readonly constants: readonly Macro[];
}

/** Names and types of all members, but for array lengths: what must be the same in both ABIs. */
function outline(records: readonly RecordSyntax[]): string {
  const strip = (key: string, value: unknown) => {
    if (key === 'dimensions' && Array.isArray(value)) return value.length;
    return key === 'place' ? undefined : value;
  };
  return JSON.stringify(records, strip, 1);
}

function checkSameShape(header: string, wide: Syntax, narrow: Syntax): void {
  const own = (syntax: Syntax) => syntax.records.filter(({ place }) => place.header === header);
  if (outline(own(wide)) === outline(own(narrow))) return;
  throw new GenerateError(`${header}: its structs have other members for 32-bit programs`);
}

function* recordNames(shape: Shape): Generator<string> {
  if (shape.kind === 'record') yield shape.record;
  if (shape.kind === 'array') yield* recordNames(shape.element);
  if (shape.kind !== 'inline') return;
  for (const member of shape.record.members) yield* recordNames(member.shape);
}

function enumModels({ header, syntax }: Draft, ask: Asker): EnumModel[] {
  return syntax.enums
    .filter(({ place }) => place.header === header)
    .map(({ name, place, enumerators }) => ({
      name,
      line: place.line,
      constants: enumerators.map((enumerator) => constantModel(ask, enumerator, '')),
    }));
}

function commandModels(draft: Draft, builder: RecordBuilder, ask: Asker): CommandModel[] {
  return [...draft.commands].map(([name, argument]) => {
    const { wide, narrow } = ask.value(`(unsigned int)(${name})`);
    const record = argument === undefined ? undefined : builder.recordOf(parseType(argument));
    const request = { wide: Number(wide), narrow: Number(narrow) };
    return { name, request, argument, record: record?.name };
  });
}

/** Which header defines each record that is used here but not defined here. */
function foreignRecords(
  { header, syntax }: Draft,
  records: readonly RecordModel[],
  commands: readonly CommandModel[],
): Map<string, string> {
  const used = records.flatMap(({ members }) => members.flatMap((m) => [...recordNames(m.shape)]));
  const named = commands.flatMap(({ record }) => record ?? []);
  const homes = new Map(syntax.records.map(({ name, place }) => [name, place.header]));
  const foreign = new Map<string, string>();
  for (const name of [...used, ...named]) {
    const home = homes.get(name);
    if (home === header) continue;
    if (home === undefined) throw new GenerateError(`${header}: no header defines ${name}`);
    foreign.set(name, home);
  }
  return foreign;
}

function buildModel(draft: Draft, ask: Asker): HeaderModel {
  const { header, syntax } = draft;
  const builder = new RecordBuilder(syntax, ask);
  const own = syntax.records.filter(({ place }) => place.header === header);
  const records = own.map((record) => builder.build(record));
  const commands = commandModels(draft, builder, ask);
  const kept = new Set(draft.constants);
  const isDropped = (macro: Macro) => !kept.has(macro) && !draft.commands.has(macro.name);
  return {
    header,
    records,
    commands,
    enums: enumModels(draft, ask),
    constants: draft.constants.map(({ name, body }) => constantModel(ask, name, body)),
    foreign: foreignRecords(draft, records, commands),
    dropped: draft.macros.filter(isDropped).map(({ name }) => name),
  };
}

/** Reads one header of the tree, for both ABIs. */
export function readHeader(compiler: Compiler, tree: HeaderTree, header: string): HeaderModel {
  const wideInput = preprocess(compiler, tree, header, 'wide');
  const narrowInput = preprocess(compiler, tree, header, 'narrow');
  const syntax = parseSyntax(compiler, 'wide', wideInput, header);
  const narrow = parseSyntax(compiler, 'narrow', narrowInput, header);
  checkSameShape(header, syntax, narrow);

  const macros = [...wideInput.macros.values()].filter(
    ({ place, functionLike, body }) => place.header === header && !functionLike && body !== '',
  );
  const names = macros.map(({ name }) => name);
  const found = findCommands(compiler, header, names);
  const own = new Set([
    ...names,
    ...syntax.enums.filter((e) => e.place.header === header).flatMap((e) => e.enumerators),
  ]);
  const commands = new Map([...found].filter(([name]) => own.has(name)));
  const candidates = macros.filter((macro) => looksConstant(macro) && !commands.has(macro.name));
  const integers = new Set(
    selectConstants(
      compiler,
      wideInput.source,
      candidates.map(({ name }) => name),
    ),
  );
  const constants = candidates.filter(({ name }) => integers.has(name));
  const draft = { header, syntax, commands, macros, constants };
  const sources = { wide: syntax.named, narrow: narrow.named };
  return evaluate(compiler, sources, (ask) => buildModel(draft, ask));
}
