import { LayoutError } from '../../uapi/codec.ts';
import { parseSize, SizeError } from '../size.ts';
import { hint } from './problems.ts';
import { replyField } from './reply.ts';
import type { Blame, Entry, Scope } from './scope.ts';
import type { JsonPath } from './source-file.ts';
import { ARGUMENT_KINDS, FIELDS, type Kind, RDMA_OBJECTS, SIZE_ARGUMENTS } from './verbs.ts';

/** A text of a step, and whether it is a size by its place. */
export interface Text {
  readonly path: JsonPath;
  readonly text: string;
  readonly size: boolean;
  /** The argument that it is, for those that take only some kinds of things. */
  readonly argument: string;
}

/** Texts that are never references: names, and steps that are looked at by themselves. */
const LITERAL = new Set(['note', 'name', 'fails', 'on', 'as', 'steps']);

/** Below these stand names of others: fields of structs, headers and flow rules, attributes of methods. */
const FREE = ['fields', 'attributes', 'header', 'is', 'mask'];

function isFree(path: JsonPath): boolean {
  return path[0] === 'gives' || FREE.some((name) => path.includes(name));
}

/** Operands of these verbs are sizes. */
const SIZE_VERBS = new Set(['atLeast', 'aligned']);

/** All texts of a step in which a reference may stand, but not those of the steps inside it. */
export function* textsOf(value: unknown, path: JsonPath = []): Generator<Text> {
  if (typeof value === 'string') {
    const argument = String(path.findLast((part) => typeof part === 'string'));
    const free = isFree(path);
    const size = !free && (SIZE_ARGUMENTS.has(argument) || SIZE_VERBS.has(String(path[0])));
    yield { path, text: value, size, argument: free ? '' : argument };
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (LITERAL.has(key) && !isFree(path)) continue;
    yield* textsOf(item, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}

/** Checks the sizes of a step, and that every reference leads to something that was made before. */
export function checkTexts(step: object, scope: Scope, blame: Blame): void {
  for (const text of textsOf(step)) {
    if (!text.size && !text.text.startsWith('$')) continue;
    const here = blame.below(...text.path);
    for (const reference of referencesIn(text.text, here)) {
      checkReference(reference, text.argument, scope, here);
    }
  }
}

/** `buffer.size` and `count` for `$buffer.size+$count`. */
function referencesIn(text: string, blame: Blame): string[] {
  try {
    return parseSize(text).flatMap((term) => (term.kind === 'reference' ? [term.path] : []));
  } catch (error) {
    if (!(error instanceof SizeError)) throw error;
    blame.value([], error.message);
    return [];
  }
}

function checkReference(path: string, argument: string, scope: Scope, blame: Blame): void {
  const [, name = '', field] = /^([^.[]+)\.?(.*)$/.exec(path) ?? [];
  const entry = scope.get(name);
  if (entry === undefined) {
    const known = scope.names.map((other) => `$${other}`);
    blame.value([], `nothing before this step makes '$${name}'; ${hint(`$${name}`, known)}`);
    return;
  }
  scope.used.add(name);
  const isField = field !== undefined && field !== '';
  const wrong =
    kindProblem(path, isField ? 'record' : entry.kind, argument) ??
    (isField ? fieldProblem(`$${name}`, field, entry) : undefined);
  if (wrong !== undefined) blame.value([], wrong);
}

function kindProblem(path: string, kind: Kind, argument: string): string | undefined {
  const kinds = ARGUMENT_KINDS[argument];
  if (kinds === undefined || kinds.includes(kind)) return undefined;
  const is = kind === 'record' ? 'no object' : `a ${kind}`;
  return `'$${path}' is ${is}; '${argument}' takes a ${kindNames(kinds).join(' or a ')}`;
}

/** All kinds of RDMA objects are one word. */
function kindNames(kinds: readonly Kind[]): readonly string[] {
  if (!RDMA_OBJECTS.every((kind) => kinds.includes(kind))) return kinds;
  return [...kinds.filter((kind) => !RDMA_OBJECTS.includes(kind)), 'RDMA object'];
}

/** What is wrong with a field of what a name or a verb gives; undefined when nothing is. */
export function fieldProblem(owner: string, field: string, entry: Entry): string | undefined {
  const { reply } = entry;
  if (reply !== undefined && field !== 'result') {
    try {
      replyField(reply, field);
      return undefined;
    } catch (error) {
      if (!(error instanceof LayoutError)) throw error;
      return error.message;
    }
  }
  const known = fieldsOf(entry);
  if (known === undefined || known.includes(field)) return undefined;
  const has = known.length === 0 ? 'it has no fields' : hint(field, known);
  return `'${owner}' has no field '${field}'; ${has}`;
}

/** Undefined where the fields are not known before the case runs. */
function fieldsOf(entry: Entry): readonly string[] | undefined {
  if (entry.kind === 'parameter') return [];
  if (entry.kind === 'record') return entry.reply === undefined ? entry.fields : ['result'];
  return FIELDS[entry.kind];
}
