import { type AstNode, parseDeclarations } from './ast.ts';
import { isUnnamed, parseType, type TypeText } from './c-type.ts';
import type { Compiler, Width } from './clang.ts';
import type { Place, Preprocessed } from './preprocess.ts';

/** A struct or union as it is written. */
export interface RecordSyntax {
  /** How C names it: 'struct drm_clip_rect', or a typedef's name. Empty for an inlined one. */
  readonly spelling: string;
  readonly name: string;
  readonly union: boolean;
  readonly place: Place;
  readonly fields: readonly FieldSyntax[];
}

export interface FieldSyntax {
  /** Empty for an anonymous group. */
  readonly name: string;
  /** The name that `named` source gives it: its own, or one made up for an anonymous group. */
  readonly access: string;
  readonly place: Place;
  readonly type: TypeText;
  readonly bitField: boolean;
  /** The group, if it is defined in place and has no tag. */
  readonly inline: RecordSyntax | undefined;
}

export interface EnumSyntax {
  readonly name: string | undefined;
  readonly place: Place;
  readonly enumerators: readonly string[];
}

export interface Syntax {
  readonly records: readonly RecordSyntax[];
  readonly enums: readonly EnumSyntax[];
  readonly typedefs: ReadonlyMap<string, TypeText>;
  /** The source with a name after each anonymous member, so that C can say its offset. */
  readonly named: string;
}

interface Insertion {
  readonly offset: number;
  readonly text: string;
}

/** Walks one syntax tree; collects as it goes. */
class Collector {
  readonly records: RecordSyntax[] = [];
  readonly enums: EnumSyntax[] = [];
  readonly typedefs = new Map<string, TypeText>();
  readonly insertions: Insertion[] = [];
  readonly #owned = new Map<string, string>();
  readonly #input: Preprocessed;

  constructor(input: Preprocessed, nodes: readonly AstNode[]) {
    this.#input = input;
    const unnamed = new Set(nodes.filter(({ name }) => name === '').map(({ id }) => id));
    for (const { kind, name, refers } of nodes) {
      if (kind !== 'TypedefDecl') continue;
      const id = refers.find((candidate) => unnamed.has(candidate));
      if (id !== undefined && !this.#owned.has(id)) this.#owned.set(id, name);
    }
    for (const node of nodes) this.#declaration(node);
  }

  #declaration(node: AstNode): void {
    if (node.kind === 'TypedefDecl') this.#typedef(node);
    if (node.kind === 'EnumDecl') this.#enum(node);
    if (node.kind === 'RecordDecl' && node.complete) this.#namedRecord(node);
  }

  /** `typedef struct {} name;` is a record by that name, not an alias. */
  #typedef(node: AstNode): void {
    if (node.refers.some((id) => this.#owned.get(id) === node.name)) return;
    this.typedefs.set(node.name, parseType(node.typeText));
  }

  #enum(node: AstNode): void {
    const enumerators = node.inner.filter(({ kind }) => kind === 'EnumConstantDecl');
    if (enumerators.length === 0) return;
    this.enums.push({
      name: node.name || this.#owned.get(node.id),
      place: this.#input.placeAt(node.begin),
      enumerators: enumerators.map(({ name }) => name),
    });
  }

  #namedRecord(node: AstNode): void {
    const typedef = this.#owned.get(node.id);
    const spelling = node.name ? `${node.tagUsed} ${node.name}` : (typedef ?? '');
    if (spelling !== '') this.records.push(this.#record(node, node.name || spelling, spelling));
  }

  #record(node: AstNode, name: string, spelling: string): RecordSyntax {
    const fields: FieldSyntax[] = [];
    let unnamed: AstNode | undefined;
    for (const member of node.inner) {
      if (member.kind === 'RecordDecl' && member.name === '') unnamed = member;
      else if (member.kind !== 'FieldDecl') this.#declaration(member);
      else if (member.name !== '' || !member.bitField) {
        fields.push(this.#field(member, unnamed, fields.length));
      }
    }
    const place = this.#input.placeAt(node.begin);
    return { spelling, name, union: node.tagUsed === 'union', place, fields };
  }

  #field(node: AstNode, unnamed: AstNode | undefined, index: number): FieldSyntax {
    const type = parseType(node.typeText);
    const isGroup = isUnnamed(type.base) && !type.pointer && !type.base.startsWith('enum');
    const group = isGroup ? unnamed : undefined;
    const access = node.name || `uapi_anonymous_${index}`;
    if (node.name === '' && group) this.#insert(group.end, access);
    return {
      name: node.name,
      access,
      place: this.#input.placeAt(node.begin),
      type,
      bitField: node.bitField,
      inline: group && this.#record(group, '', ''),
    };
  }

  /** Names the member whose type ends with the brace at `end`; attributes stay with the type. */
  #insert(end: number, name: string): void {
    const offset = this.#input.declarations.indexOf(';', end);
    this.insertions.push({ offset, text: ` ${name}` });
  }
}

function insertAll(source: string, insertions: readonly Insertion[]): string {
  const sorted = insertions.toSorted((a, b) => a.offset - b.offset);
  let at = 0;
  const parts: string[] = [];
  for (const { offset, text } of sorted) {
    parts.push(source.slice(at, offset), text);
    at = offset;
  }
  return parts.join('') + source.slice(at);
}

/** Parses a preprocessed header: what it declares, in its order. */
export function parseSyntax(
  compiler: Compiler,
  width: Width,
  input: Preprocessed,
  header: string,
): Syntax {
  const nodes = parseDeclarations(compiler, width, input.declarations, header);
  const { records, enums, typedefs, insertions } = new Collector(input, nodes);
  return { records, enums, typedefs, named: insertAll(input.source, insertions) };
}
