import { type Compiler, mustClang, type Width } from './clang.ts';
import { GenerateError } from './generate-error.ts';

/**
 * The part of clang's JSON syntax tree that is used; same from clang 14 on. Only these facts are
 * relied upon: kinds and names of declarations, byte offsets of their range, type spellings, the
 * order of members, and which record a typedef owns. No sizes, values or attributes.
 */
export interface AstNode {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly tagUsed: string;
  readonly complete: boolean;
  readonly bitField: boolean;
  readonly typeText: string;
  /** Ids of the declarations that a type node refers to. */
  readonly refers: readonly string[];
  readonly begin: number;
  readonly end: number;
  readonly inner: readonly AstNode[];
}

const wanted = new Set(['RecordDecl', 'FieldDecl', 'EnumDecl', 'EnumConstantDecl', 'TypedefDecl']);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function child(value: unknown, key: string): Record<string, unknown> {
  const found = isObject(value) ? value[key] : undefined;
  return isObject(found) ? found : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function items(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Offset of a source location; inside a macro's expansion clang nests it. */
function offsetOf(location: Record<string, unknown>): number {
  const { offset } = 'offset' in location ? location : child(location, 'expansionLoc');
  return typeof offset === 'number' ? offset : -1;
}

function referred(node: unknown): string[] {
  const own = [child(node, 'ownedTagDecl'), child(node, 'decl')].map(({ id }) => text(id));
  const inner = isObject(node) ? items(node['inner']).flatMap(referred) : [];
  return [...own, ...inner].filter((id) => id !== '');
}

function toNode(raw: Record<string, unknown>): AstNode {
  const kind = text(raw['kind']);
  const range = child(raw, 'range');
  return {
    kind,
    id: text(raw['id']),
    name: text(raw['name']),
    tagUsed: text(raw['tagUsed']),
    complete: raw['completeDefinition'] === true,
    bitField: raw['isBitfield'] === true,
    typeText: text(child(raw, 'type')['qualType']),
    refers: kind === 'TypedefDecl' ? items(raw['inner']).flatMap(referred) : [],
    begin: offsetOf(child(range, 'begin')),
    end: offsetOf(child(range, 'end')),
    inner: nodesOf(raw),
  };
}

function nodesOf(raw: Record<string, unknown>): AstNode[] {
  return items(raw['inner'])
    .filter(isObject)
    .filter((node) => wanted.has(text(node['kind'])))
    .map(toNode);
}

/** The declarations of a preprocessed text, in its order. */
export function parseDeclarations(
  compiler: Compiler,
  width: Width,
  declarations: string,
  header: string,
): readonly AstNode[] {
  const args = ['-fsyntax-only', '-Xclang', '-ast-dump=json'];
  const output = mustClang(compiler, width, args, declarations, `parsing ${header}`);
  const tree: unknown = JSON.parse(output.toString());
  if (!isObject(tree) || tree['kind'] !== 'TranslationUnitDecl') {
    throw new GenerateError(`parsing ${header}: clang's syntax tree is not as expected`);
  }
  return nodesOf(tree);
}
