import type { Reach } from '../../../uapi/argument-memory.ts';
import type { AnyStruct } from '../../../uapi/description.ts';
import { CaseDefect, type Fields, fieldsOf, type Scalar } from '../values.ts';
import type { PointContext } from '../verb.ts';
import { isBadPlace, placeBadly } from './placed.ts';

/** Numbers, pointers and structs as the two uverbs steps write them. */

/**
 * Integers, sizes with units, references. An object stands for its handle, a descriptor for its
 * number, a mapping for its address.
 */
export function numberOf(value: Scalar, context: PointContext): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return BigInt(value);
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (!/^\$[A-Za-z0-9_.[\]]+$/.test(value)) return context.scope.size(value);
  const named = context.scope.resolve(value);
  if (typeof named !== 'object') return numberOf(named, context);
  if (named.kind === 'mapping') return named.mapping.address;
  const { handle, fd } = fieldsOf(named);
  const number = handle ?? fd;
  if (typeof number === 'number' || typeof number === 'bigint') return BigInt(number);
  throw new CaseDefect(`${value} is a ${named.kind}, which stands for no number`);
}

/** A number in place of what would be right; relative to it for texts such as `+1`. */
export function replaced(right: number, wanted: Scalar | undefined, context: PointContext): number {
  if (wanted === undefined) return right;
  const text = context.scope.scalar(wanted);
  const value = Number(numberOf(text, context));
  return typeof text === 'string' && /^[+-]/.test(text) ? right + value : value;
}

/** The struct with its fields set; texts are texts only in char arrays. */
export function structOf(
  struct: AnyStruct,
  fields: Readonly<Record<string, Scalar | readonly Scalar[]>>,
  context: PointContext,
): Buffer {
  const bytes = struct.make({});
  for (const [path, value] of Object.entries(fields)) {
    if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) {
        struct.set(bytes, `${path}[${i}]`, numberOf(item, context));
      }
    } else {
      const scalar = value as Scalar;
      const isText = struct.field(path).kind === 'chars';
      const plain = isText ? String(context.scope.scalar(scalar)) : numberOf(scalar, context);
      struct.set(bytes, path, plain);
    }
  }
  return bytes;
}

/** Memory that a step placed on purpose, to be given back after the call. */
export interface Placed {
  readonly address: bigint;
  release(): void;
}

/** The address behind a bad place or a mapping. */
export function placeAt(
  where: string,
  bytes: Buffer,
  context: PointContext,
  reach: Reach = 'anywhere',
): Placed {
  const named = where.startsWith('$') ? context.scope.resolve(where) : where;
  if (typeof named === 'object') {
    return { address: context.scope.value(where, 'mapping').mapping.address, release: () => {} };
  }
  if (!isBadPlace(named)) throw new CaseDefect(`${String(named)} is no place for an argument`);
  const { address, release } = placeBadly(bytes, named, reach);
  return { address: address ?? 0n, release };
}

/** Room for what the kernel writes, with a fence behind it. */
export class Room {
  readonly bytes: Buffer;
  readonly #all: Buffer;

  constructor(sizeBytes: number) {
    this.#all = Buffer.alloc(sizeBytes + FENCE_BYTES, UNTOUCHED);
    this.bytes = this.#all.subarray(0, sizeBytes);
  }

  /** Where the kernel wrote too far. */
  get overrun(): number | undefined {
    const behind = this.#all.subarray(this.bytes.length);
    const found = behind.findIndex((byte) => byte !== UNTOUCHED);
    return found < 0 ? undefined : this.bytes.length + found;
  }
}

const FENCE_BYTES = 64;
const UNTOUCHED = 0xa5;

/**
 * What bytes say: the fields of the struct (missing ones as zeros), a number of up to eight bytes,
 * or 32-bit words; and all bytes, and those behind the struct, as one number each that is written as
 * they lie.
 */
export function decoded(
  bytes: Buffer,
  struct: AnyStruct | undefined,
): { readonly value: Fields[string]; readonly tail: bigint } {
  const known = struct?.size ?? (bytes.length > 8 ? 0 : bytes.length);
  const tail = inOrder(bytes.subarray(known));
  if (struct !== undefined) {
    const whole = Buffer.alloc(Math.max(struct.size, bytes.length));
    bytes.copy(whole);
    return { value: struct.decode(whole.subarray(0, struct.size)) as Fields, tail };
  }
  if (bytes.length <= 8) return { value: littleEndian(bytes), tail };
  const words = Array.from({ length: bytes.length >> 2 }, (_, i) => bytes.readUInt32LE(4 * i));
  return { value: words, tail: 0n };
}

function littleEndian(bytes: Buffer): bigint {
  return inOrder(Buffer.from(bytes).reverse());
}

export function inOrder(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`);
}
