import { isUnnamed, type TypeText } from './c-type.ts';
import type { Asker } from './evaluate.ts';
import { GenerateError } from './generate-error.ts';
import type { Both, MemberModel, RecordModel, Shape } from './model.ts';
import type { FieldSyntax, RecordSyntax, Syntax } from './syntax.ts';

/** Where a member is: the record that C can name, and the designator below it. */
interface Access {
  readonly record: string;
  /** 'args[0].' or empty. */
  readonly prefix: string;
  /** What a report calls it. */
  readonly title: string;
}

const signedTypes = new Set(['char', 'signed char', 'short', 'int', 'long', 'long long']);
const unsignedTypes = new Set(
  ['char', 'short', 'int', 'long', 'long long'].map((type) => `unsigned ${type}`),
);

/** Builds record models from syntax, asking the compiler for every number. */
export class RecordBuilder {
  readonly #ask: Asker;
  readonly #typedefs: ReadonlyMap<string, TypeText>;
  readonly #records: ReadonlyMap<string, RecordSyntax>;

  constructor(syntax: Syntax, ask: Asker) {
    this.#ask = ask;
    this.#typedefs = syntax.typedefs;
    this.#records = new Map(syntax.records.map((record) => [record.spelling, record]));
  }

  build(syntax: RecordSyntax): RecordModel {
    const size = this.#number(`sizeof(${syntax.spelling})`);
    const access = { record: syntax.spelling, prefix: '', title: syntax.name };
    return this.#record(syntax, access, size, { wide: 0, narrow: 0 });
  }

  /** The record that a type's spelling stands for, through typedefs; undefined for other types. */
  recordOf(type: TypeText): RecordSyntax | undefined {
    const { base, pointer, dimensions } = this.#resolve(type);
    return pointer || dimensions.length > 0 ? undefined : this.#records.get(base);
  }

  #number(expression: string): Both {
    const { wide, narrow } = this.#ask.value(expression);
    return { wide: Number(wide), narrow: Number(narrow) };
  }

  #resolve(type: TypeText): TypeText {
    let { base, pointer, dimensions } = type;
    while (!pointer) {
      const target = this.#typedefs.get(base);
      if (target === undefined) break;
      base = target.base;
      pointer = target.pointer;
      dimensions = [...dimensions, ...target.dimensions];
    }
    return { base, pointer, dimensions };
  }

  #record(syntax: RecordSyntax, access: Access, size: Both, origin: Both): RecordModel {
    const members = syntax.fields
      .map((field) => this.#member(field, access, origin))
      .filter(({ shape }) => shape.kind !== 'inline' || shape.record.members.length > 0);
    const { spelling, union, place } = syntax;
    return { name: access.title, spelling, union, line: place.line, size, members };
  }

  #member(field: FieldSyntax, access: Access, origin: Both): MemberModel {
    const { name, place } = field;
    const inner = { ...access, prefix: access.prefix + field.access };
    if (field.bitField) return this.#bitField(field, inner, origin);
    const from = this.#number(`__builtin_offsetof(${inner.record}, ${inner.prefix})`);
    const offset = { wide: from.wide - origin.wide, narrow: from.narrow - origin.narrow };
    const title = name === '' ? access.title : `${access.title}.${name}`;
    const shape = this.#shape(field, this.#resolve(field.type), { ...inner, title }, from);
    return { name, line: place.line, offset, shape };
  }

  #bitField(field: FieldSyntax, access: Access, origin: Both): MemberModel {
    const { position, width } = this.#ask.bits(access.record, access.prefix);
    const type = field.type.base;
    const shape: Shape = {
      kind: 'bits',
      type,
      signed: this.#isSigned(this.#resolve(field.type).base, type),
      wide: this.#ask.value(`sizeof(${type})`).wide === 8n,
      position: {
        wide: position.wide - origin.wide * 8,
        narrow: position.narrow - origin.narrow * 8,
      },
      width,
    };
    return { name: field.name, line: field.place.line, offset: { wide: 0, narrow: 0 }, shape };
  }

  #shape(field: FieldSyntax, type: TypeText, access: Access, origin: Both): Shape {
    const [length, ...rest] = type.dimensions;
    if (length !== undefined) {
      if (rest.length === 0 && type.base === 'char' && !type.pointer)
        return { kind: 'chars', length };
      const element = { ...access, prefix: `${access.prefix}[0]` };
      const inner = this.#shape(field, { ...type, dimensions: rest }, element, origin);
      return { kind: 'array', length: this.#length(length, access), element: inner };
    }
    const size = this.#number(`sizeof(((${access.record} *)0)->${access.prefix})`);
    if (field.inline) {
      const below = { ...access, prefix: `${access.prefix}.` };
      return { kind: 'inline', record: this.#record(field.inline, below, size, origin) };
    }
    const spelled = field.type.base;
    if (type.pointer) return { kind: 'pointer', type: spelled, size };
    const record = this.#records.get(type.base);
    if (record) return { kind: 'record', record: record.name };
    if (!this.#isInteger(type.base)) {
      throw new GenerateError(`${access.title}: type '${spelled}' is not supported`);
    }
    const value = `((${access.record} *)0)->${access.prefix}`;
    const kind = this.#isSigned(type.base, `__typeof__(${value})`) ? 'signed' : 'unsigned';
    return { kind, type: isUnnamed(spelled) ? 'enum' : spelled, size };
  }

  #isInteger(base: string): boolean {
    const known = signedTypes.has(base) || unsignedTypes.has(base) || base === '_Bool';
    return known || base.startsWith('enum ');
  }

  /** Elements of an array; the compiler knows how many it has in the other ABI. */
  #length(wide: number, { record, prefix }: Access): Both {
    if (wide === 0) return { wide, narrow: 0 };
    const member = `((${record} *)0)->${prefix}`;
    return this.#number(`sizeof(${member}) / sizeof(${member}[0])`);
  }

  /** An enum's signedness is the compiler's choice, so ask; `type` is how C can name it. */
  #isSigned(base: string, type: string): boolean {
    if (signedTypes.has(base)) return true;
    if (!base.startsWith('enum ')) return false;
    return this.#ask.value(`(${type})-1 < 0`).wide === 1n;
  }
}
