import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../project-root.ts';
import { type Compiler, mustClang } from './clang.ts';
import { GenerateError } from './generate-error.ts';

/**
 * The declarations of verbs methods and write commands, out of the kernel's sources. The
 * preprocessor does the reading: the declaring macros expand to JSON (uapi/generate/uverbs/*.h).
 * Values are C expressions here; uverbs-model.ts has them evaluated.
 */

export interface SizeSpec {
  readonly min?: string;
  readonly max?: string;
  /** 'struct ib_uverbs_gid_entry', 'u32'. */
  readonly type?: string;
  readonly zeroTail?: boolean;
}

export interface AttributeSpec extends SizeSpec {
  readonly kind: string;
  readonly name: string;
  readonly object?: string;
  readonly access?: string;
  readonly mandatory?: boolean;
  /** The name of the array that lists what an enum attribute may carry. */
  readonly elements?: string;
}

export interface ElementSpec extends SizeSpec {
  readonly name: string;
}

interface MethodDeclaration {
  readonly declares: 'method';
  readonly name: string;
  readonly attributes: readonly AttributeSpec[];
}

interface ObjectDeclaration {
  readonly declares: 'object';
  readonly name: string;
  readonly methods: readonly string[];
}

/** Attributes that a driver adds to a method of the core. */
interface MoreAttributes {
  readonly declares: 'more';
  readonly method: string;
  readonly attributes: readonly AttributeSpec[];
}

type Declaration = MethodDeclaration | ObjectDeclaration | MoreAttributes;

export interface MethodSpec {
  /** Of a method that only a driver has: its folder in drivers/infiniband/hw. */
  readonly driver?: string;
  readonly name: string;
  readonly object: string;
  readonly attributes: readonly AttributeSpec[];
}

export interface CommandSpec {
  readonly name: string;
  readonly extended: boolean;
  readonly request: string;
  readonly minRequest: string;
  readonly response?: string;
  readonly minResponse?: string;
  readonly udata?: boolean;
}

export interface VerbsSpecs {
  readonly methods: readonly MethodSpec[];
  readonly elements: ReadonlyMap<string, readonly ElementSpec[]>;
  readonly commands: readonly CommandSpec[];
}

const CORE = 'drivers/infiniband/core';
const DRIVERS = 'drivers/infiniband/hw';
/** Those whose own attributes and methods are known here; uverbs-model.ts includes their headers. */
const KNOWN_DRIVERS = ['efa', 'mlx5'];
const DECLARING = /^(ADD|DECLARE)_UVERBS_/m;
const MARKED = /UAPI_BEGIN\s*(\{[\s\S]*?\})\s*UAPI_END/g;

/** All declarations of a kernel source tree, in the order of the files' names. */
export function readVerbsSpecs(compiler: Compiler, kernelSource: string): VerbsSpecs {
  const core = join(kernelSource, CORE);
  const textsOf = (dir: string, names: readonly string[]) =>
    names
      .map((name) => ({ name, source: withoutIncludes(join(kernelSource, dir, name)) }))
      .filter(({ source }) => dir === CORE || DECLARING.test(source))
      .map(({ name, source }) => expand(compiler, 'methods.h', source, join(dir, name)));
  const texts = textsOf(CORE, sourceNames(core, /^uverbs_std_types.*\.c$/));
  const drivers = KNOWN_DRIVERS.map((driver) => {
    const dir = join(DRIVERS, driver);
    return { driver, texts: textsOf(dir, sourceNames(join(kernelSource, dir), /\.c$/)) };
  });
  const added = drivers.map(({ driver, texts }) => ({
    driver,
    declarations: texts.flatMap(declarationsIn),
  }));
  const elements = [...texts, ...drivers.flatMap((one) => one.texts)].flatMap(readElements);
  const declarations = texts.flatMap(declarationsIn);
  return {
    methods: [
      ...joinMethods([...declarations, ...added.flatMap(attributesForCore)]),
      ...added.flatMap((one) => ownMethods(one.driver, one.declarations)),
    ],
    elements: new Map(elements),
    commands: readCommands(compiler, core),
  };
}

function attributesForCore({ declarations }: { readonly declarations: readonly Declaration[] }) {
  return declarations.filter(({ declares }) => declares === 'more');
}

function ownMethods(driver: string, declarations: readonly Declaration[]): MethodSpec[] {
  const own = declarations.filter(({ declares }) => declares !== 'more');
  return joinMethods(own).map((method) => ({ driver, ...method }));
}

function declarationsIn(text: string): Declaration[] {
  return marked<Declaration>(text.replace(/&\s*"/g, '"'));
}

function sourceNames(dir: string, pattern: RegExp): string[] {
  let names: string[];
  try {
    names = readdirSync(dir).filter((name) => pattern.test(name));
  } catch {
    names = [];
  }
  if (names.length > 0) return names.sort();
  throw new GenerateError(`${dir} holds no uverbs sources; give --kernel-source a kernel's tree`);
}

/** What the headers would define is either a marker or a name that must stay one. */
function withoutIncludes(path: string): string {
  return readFileSync(path, 'latin1').replace(/^#\s*include\b.*$/gm, '');
}

function expand(compiler: Compiler, markers: string, source: string, what: string): string {
  const prelude = readFileSync(join(projectRoot(), 'uapi/generate/uverbs', markers), 'latin1');
  const bare = { program: compiler.program, includeFlags: [] };
  const text = `${prelude}\n${source}`;
  return mustClang(bare, 'wide', ['-E', '-P'], text, `expanding ${what}`).toString('latin1');
}

/** The text between the marks is JSON that the macros above have made. */
function marked<T>(text: string): T[] {
  return [...text.matchAll(MARKED)].map(([, json = '']) => {
    try {
      return JSON.parse(json) as T;
    } catch (error) {
      throw new GenerateError(`a declaration is not understood (${String(error)}): ${json}`);
    }
  });
}

/**
 * Objects name their methods; a method that no object names does not exist for users. What drivers add
 * comes after what the core declares.
 */
function joinMethods(declarations: readonly Declaration[]): MethodSpec[] {
  const attributes = new Map<string, readonly AttributeSpec[]>();
  for (const one of declarations) {
    if (one.declares === 'method') attributes.set(one.name, one.attributes);
  }
  for (const one of declarations) {
    if (one.declares !== 'more') continue;
    const core = attributes.get(one.method);
    if (core === undefined) throw new GenerateError(`a driver adds to ${one.method}, not declared`);
    attributes.set(one.method, [...core, ...one.attributes]);
  }
  return declarations.flatMap((one) => {
    if (one.declares !== 'object') return [];
    return one.methods.map((name) => {
      const found = attributes.get(name);
      if (found === undefined) throw new GenerateError(`${one.name} names ${name}, not declared`);
      return { name, object: one.name, attributes: found };
    });
  });
}

const ELEMENTS = /UAPI_ELEMENTS\s+(\w+)\s*\[\s*\]\s*=\s*\{([\s\S]*?)\}\s*;/g;
const ELEMENT =
  /\[\s*(\w+)\s*\]\s*=\s*\{\s*\.type\s*=\s*UVERBS_ATTR_TYPE_PTR_IN\s*,([^}]*?),?\s*\}/g;

/** Sizes that are written out as the macros would write them. */
const WRITTEN_OUT = /\.u\.ptr\s*=\s*\{\s*\.len\s*=\s*([^,}]+),\s*\.min_len\s*=\s*([^,}]+),\s*\}/g;

function readElements(text: string): [string, ElementSpec[]][] {
  const plain = text.replace(WRITTEN_OUT, '"min": "$2", "max": "$1"');
  return [...plain.matchAll(ELEMENTS)].map(([, name = '', body = '']) => {
    const elements = [...body.matchAll(ELEMENT)].map(
      ([, element, sizes = '']): ElementSpec => JSON.parse(`{"name": "${element}", ${sizes}}`),
    );
    return [name, elements];
  });
}

function readCommands(compiler: Compiler, core: string): CommandSpec[] {
  interface Declared {
    readonly name: string;
    readonly extended: boolean;
    readonly structs: string;
  }
  const source = withoutIncludes(join(core, 'uverbs_cmd.c'));
  const declared = marked<Declared>(expand(compiler, 'commands.h', source, 'uverbs_cmd.c'));
  const again = declared.map(
    ({ name, extended, structs }) =>
      `UAPI_BEGIN {"name": "${name}", "extended": ${extended}, ${structs}} UAPI_END`,
  );
  return marked(expand(compiler, 'command-structs.h', again.join('\n'), 'write commands'));
}
