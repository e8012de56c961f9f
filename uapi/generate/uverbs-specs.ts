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
/** Of the drivers whose own attributes are known here; uverbs-model.ts includes their headers. */
const DRIVER_FILES = ['drivers/infiniband/hw/efa/efa_verbs.c', 'drivers/infiniband/hw/mlx5/dm.c'];
const MARKED = /UAPI_BEGIN\s*(\{[\s\S]*?\})\s*UAPI_END/g;

/** All declarations of a kernel source tree, in the order of the files' names. */
export function readVerbsSpecs(compiler: Compiler, kernelSource: string): VerbsSpecs {
  const core = join(kernelSource, CORE);
  const names = sourceNames(core, /^uverbs_std_types.*\.c$/).map((name) => join(CORE, name));
  const read = (name: string) =>
    expand(compiler, 'methods.h', withoutIncludes(join(kernelSource, name)), name);
  const texts = names.map(read);
  const added = DRIVER_FILES.flatMap((name) => declarationsIn(read(name)));
  const declarations = [
    ...texts.flatMap(declarationsIn),
    // Methods that are a driver's own nobody calls here.
    ...added.filter(({ declares }) => declares === 'more'),
  ];
  const elements = texts.flatMap((text) => readElements(text));
  return {
    methods: joinMethods(declarations),
    elements: new Map(elements),
    commands: readCommands(compiler, core),
  };
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

function readElements(text: string): [string, ElementSpec[]][] {
  return [...text.matchAll(ELEMENTS)].map(([, name = '', body = '']) => {
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
