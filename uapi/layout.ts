import { type Codec, codecOf, type FieldValue, LayoutError } from './codec.ts';
import type { Field, StructLayout } from './description.ts';
import { formatStruct } from './format-struct.ts';
import { type Member, membersOf } from './members.ts';
import { nearestFirst } from './nearest.ts';
import { type Place, placeBelow, placeOf } from './place.ts';

/** What `make` and `set` take for a value of type V: parts of structs, short arrays, raw bytes. */
export type Init<V> = V extends bigint
  ? bigint | number
  : V extends number
    ? number
    : V extends string
      ? string | Uint8Array
      : V extends readonly (infer E)[]
        ? readonly Init<E>[] | (E extends number ? Uint8Array : never)
        : V extends object
          ? { readonly [K in keyof V]?: Init<V[K]> }
          : V;

/** A name below the top level: 'args[2].length'. */
export type Path = `${string}.${string}` | `${string}[${string}`;

const PATH = /^[^.[\]]+(\[\d+\]|\.[^.[\]]+)*$/;

/** A path looked up once; `offset` and `label` are here too since get and set are hot. */
interface Resolved {
  readonly place: Place;
  readonly codec: Codec;
  readonly offset: number;
  readonly label: string;
}

/**
 * One C struct or union: a Buffer is the value, this is how to read it. Accessors are built at
 * first use. Unknown names and values that do not fit throw LayoutError; padding and reserved bytes
 * stay reachable, since the Buffer is the caller's.
 */
export class Struct<T = Record<string, unknown>> {
  readonly name: string;
  readonly size: number;
  readonly size32: number;
  readonly union: boolean;
  /** How C names it: 'struct drm_version', 'union drm_wait_vblank', or a typedef's name. */
  readonly spelling: string;
  readonly #layout: StructLayout;
  readonly #resolved = new Map<string, Resolved>();
  readonly #unknown = new Set<string>();
  #fields: readonly Field[] | undefined;
  #members: Map<string, Member> | undefined;
  #codec: Codec | undefined;
  #abi32: Struct<T> | undefined;

  constructor(layout: StructLayout) {
    this.#layout = layout;
    this.name = layout.name;
    this.size = layout.size;
    this.size32 = layout.size32;
    this.union = layout.union ?? false;
    this.spelling = layout.spelling ?? `${this.union ? 'union' : 'struct'} ${this.name}`;
  }

  /** The members in the order of the header; anonymous groups are still groups here. */
  get fields(): readonly Field[] {
    this.#fields ??= this.#layout.fields();
    return this.#fields;
  }

  /** The names that get, set and make know: members of anonymous groups count as one's own. */
  get names(): string[] {
    return [...this.#byName().keys()];
  }

  /** The same struct as a 32-bit (i386) program sees it, for calls through the compat entry. */
  get abi32(): Struct<T> {
    const { name, size32, union, spelling } = this;
    const fields = () => this.fields.map(toAbi32);
    this.#abi32 ??= new Struct<T>({ name, size: size32, size32, union, spelling, fields });
    return this.#abi32;
  }

  /**
   * A zeroed buffer of its own (never pooled), with the given members set.
   *
   * @param init at most one member of a union
   * @param sizeBytes for a flexible array, or to make an argument short or long on purpose
   */
  make(init: Init<T> | Record<string, never> = {}, sizeBytes = this.size): Buffer {
    const buf = Buffer.alloc(sizeBytes);
    this.codec.write(buf, 0, init, '');
    return buf;
  }

  /**
   * Reads one member; eight-byte integers and pointers are bigint, char arrays strings.
   *
   * @param at where the struct begins in the buffer
   */
  get<K extends keyof T & string>(buf: Buffer, field: K, at?: number): T[K];
  get(buf: Buffer, path: Path, at?: number): FieldValue;
  get(buf: Buffer, path: string, at = 0): unknown {
    const found = this.#resolved.get(path) ?? this.#resolve(path);
    return found.codec.read(buf, at + found.offset);
  }

  /**
   * Writes one member, nothing else: the rest of a shorter list or string is zeroed.
   *
   * @param at where the struct begins in the buffer
   */
  set<K extends keyof T & string>(buf: Buffer, field: K, value: Init<T[K]>, at?: number): void;
  set(buf: Buffer, path: Path, value: unknown, at?: number): void;
  set(buf: Buffer, path: string, value: unknown, at = 0): void {
    const found = this.#resolved.get(path) ?? this.#resolve(path);
    found.codec.write(buf, at + found.offset, value, found.label);
  }

  /** The bytes of one member, not copied. */
  bytes(buf: Buffer, path: string): Buffer {
    const { offset, size, field } = this.field(path);
    const flexible = (field.kind === 'array' || field.kind === 'chars') && field.flexible;
    return buf.subarray(offset, flexible ? buf.length : offset + size);
  }

  /** All members by name; every member of a union is there, each read at its own type. */
  decode(buf: Buffer): T;
  decode(buf: Buffer): unknown {
    return this.codec.read(buf, 0);
  }

  /** One line for reports, 'handle=3 flags=0x1 pad=0'; a buffer that is too short is no error. */
  format(buf: Buffer): string {
    return formatStruct(this.fields, this.union, buf, 0);
  }

  /** Where a member lies. */
  field(path: (keyof T & string) | Path): Place;
  field(path: string): Place;
  field(path: string): Place {
    return (this.#resolved.get(path) ?? this.#resolve(path)).place;
  }

  /** True if `field(path)` would not throw. */
  has(path: string): boolean {
    // Its error lists the names that come near, which costs too much to be thrown away often.
    if (this.#unknown.has(path)) return false;
    try {
      this.field(path);
      return true;
    } catch (error) {
      if (!(error instanceof LayoutError)) throw error;
      this.#unknown.add(path);
      return false;
    }
  }

  /** Reads and writes the whole struct at any place in a buffer; for structs that hold this one. */
  get codec(): Codec {
    this.#codec ??= {
      read: (buf, at) => this.#readAll(buf, at),
      write: (buf, at, value, path) => this.#writeAll(buf, at, value, path),
    };
    return this.#codec;
  }

  #byName(): Map<string, Member> {
    this.#members ??= new Map(membersOf(this.fields, this.union ? this : undefined));
    return this.#members;
  }

  #member(name: string): Member {
    const entry = this.#byName().get(name);
    if (entry) return entry;
    const known = nearestFirst(name, this.#byName().keys()).join(', ');
    throw new LayoutError(`${this.name} has no field '${name}'; it has: ${known}`);
  }

  #readAll(buf: Buffer, at: number): FieldValue {
    const result: Record<string, FieldValue> = {};
    for (const [name, entry] of this.#byName()) {
      result[name] = entry.codec.read(buf, at + entry.offset);
    }
    return result;
  }

  #writeAll(buf: Buffer, at: number, value: unknown, path: string): void {
    const prefix = path === '' ? this.name : path;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new LayoutError(`${prefix}: give an object with the fields of ${this.name}`);
    }
    buf.fill(0, at, Math.min(at + this.size, buf.length));
    const chosen = new Map<object, string>();
    for (const [name, item] of Object.entries(value)) {
      const entry = this.#member(name);
      for (const { union, member } of entry.choices) {
        const other = chosen.get(union) ?? member;
        if (other !== member) {
          throw new LayoutError(`${prefix}: '${other}' and '${member}' share a union; give one`);
        }
        chosen.set(union, member);
      }
      entry.codec.write(buf, at + entry.offset, item, `${prefix}.${name}`);
    }
  }

  #resolve(path: string): Resolved {
    if (!PATH.test(path)) throw new LayoutError(`${this.name}: '${path}' is not a path`);
    const steps = path.match(/[^.[\]]+|\[\d+\]/g) ?? [];
    const [first = path, ...rest] = steps;
    const entry = this.#member(first);
    let place = placeOf(first, entry.field, entry.offset, entry.offset32);
    for (const step of rest) {
      place = placeBelow(place, step);
    }
    const codec = rest.length === 0 ? entry.codec : codecOf(place.field);
    const found = { place, codec, offset: place.offset, label: `${this.name}.${path}` };
    this.#resolved.set(path, found);
    return found;
  }
}

/** A field with the places of the 32-bit ABI; what was bigint stays bigint. */
function toAbi32(field: Field): Field {
  const moved = { offset: field.offset32, size: field.size32 };
  switch (field.kind) {
    case 'struct':
    case 'union':
      return { ...field, ...moved, struct: field.struct.abi32 };
    case 'array':
      return { ...field, ...moved, element: toAbi32(field.element), length: field.length32 };
    case 'bitfield':
      return { ...field, ...moved, bitOffset: field.bitOffset32 };
    case 'chars':
    case 'unsigned':
    case 'signed':
    case 'pointer':
      return { ...field, ...moved };
  }
}
