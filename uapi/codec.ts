import type { BitField, Field, ScalarField } from './description.ts';

/**
 * Reading and writing one field of a struct in a Buffer. Little-endian only, as are all the
 * machines that Node runs on with a GPU or an RDMA card in them (x86-64, arm64, riscv64).
 */

/** What a field decodes to; bigint for every eight-byte integer and every pointer. */
export type FieldValue = number | bigint | string | FieldValue[] | { [name: string]: FieldValue };

/** A value, name or path that the layout does not have room for. */
export class LayoutError extends Error {
  override name = 'LayoutError';
}

export interface Codec {
  read(buf: Buffer, offset: number): FieldValue;
  /** `path` names the field in error messages. */
  write(buf: Buffer, offset: number, value: unknown, path: string): void;
}

/**
 * Integers go byte by byte: an engine that interprets, as in the emulated lab, takes three to five
 * calls for what a Buffer's method does. Past its end a Buffer would swallow them.
 */
function within(buf: Buffer, at: number, size: number): void {
  if (at < 0 || at + size > buf.length) {
    throw new RangeError(`${size} bytes at ${at} are not in a buffer of ${buf.length}`);
  }
}

/** Signed; the bytes past the end are zero. */
const word = (buf: Buffer, at: number): number =>
  (buf[at] ?? 0) |
  ((buf[at + 1] ?? 0) << 8) |
  ((buf[at + 2] ?? 0) << 16) |
  ((buf[at + 3] ?? 0) << 24);

/** The low 32 bits; what does not fit a byte is cut by the Buffer. */
function setWord(buf: Buffer, at: number, value: number): void {
  buf[at] = value;
  buf[at + 1] = value >> 8;
  buf[at + 2] = value >> 16;
  buf[at + 3] = value >> 24;
}

// A bigint read through Buffer costs several BigInt operations; through this scratch, one.
const words = new Uint32Array(2);
const unsignedPair = new BigUint64Array(words.buffer);
const signedPair = new BigInt64Array(words.buffer);

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'bigint' ? `${value}n` : String(value);
}

function refuse(path: string, value: unknown, wants: string): never {
  throw new LayoutError(`${path}: ${show(value)} is not ${wants}`);
}

/** Names the range of an integer of `width` bits for messages. */
function range(signed: boolean, width: number): string {
  const [low, high] = limits(signed, width);
  return `an integer from ${low} to ${high} (${signed ? 's' : 'u'}${width})`;
}

function limits(signed: boolean, width: number): [low: bigint, high: bigint] {
  const half = 1n << BigInt(width - 1);
  return signed ? [-half, half - 1n] : [0n, half * 2n - 1n];
}

/** The integer that a value stands for, or undefined; a bigint that fits is taken too. */
function checkedNumber(value: unknown, low: number, high: number): number | undefined {
  const plain = typeof value === 'bigint' ? Number(value) : value;
  if (typeof plain !== 'number' || !Number.isInteger(plain)) return undefined;
  return plain < low || plain > high ? undefined : plain;
}

/** The commonest codec, so written out: plain functions, one comparison. */
const u32Codec: Codec = {
  read(buf, at) {
    within(buf, at, 4);
    return word(buf, at) >>> 0;
  },
  write(buf, at, value, path) {
    const plain = typeof value === 'bigint' ? Number(value) : value;
    if (typeof plain !== 'number' || plain >>> 0 !== plain) refuse(path, value, range(false, 32));
    within(buf, at, 4);
    setWord(buf, at, plain);
  },
};

/** One, two or four bytes. */
function narrowCodec(size: number, signed: boolean): Codec {
  if (size === 4 && !signed) return u32Codec;
  const width = size * 8;
  const low = signed ? -(2 ** (width - 1)) : 0;
  const high = signed ? 2 ** (width - 1) - 1 : 2 ** width - 1;
  return {
    read(buf, at) {
      within(buf, at, size);
      let value = 0;
      for (let i = size - 1; i >= 0; i--) value = (value << 8) | (buf[at + i] ?? 0);
      return value > high ? value - 2 ** width : value;
    },
    write(buf, at, value, path) {
      const plain = checkedNumber(value, low, high) ?? refuse(path, value, range(signed, width));
      within(buf, at, size);
      for (let i = 0; i < size; i++) buf[at + i] = plain >> (8 * i);
    },
  };
}

/** Eight bytes: bigint when read; a safe integer is taken when written. */
function wideCodec(signed: boolean): Codec {
  const pair = signed ? signedPair : unsignedPair;
  return {
    read(buf, at) {
      within(buf, at, 8);
      words[0] = word(buf, at);
      words[1] = word(buf, at + 4);
      return pair[0] ?? 0n;
    },
    write(buf, at, value, path) {
      if (typeof value === 'number' && Number.isSafeInteger(value) && (signed || value >= 0)) {
        within(buf, at, 8);
        setWord(buf, at, value | 0);
        setWord(buf, at + 4, Math.floor(value / 0x1_0000_0000) | 0);
        return;
      }
      if (typeof value !== 'bigint') refuse(path, value, range(signed, 64));
      pair[0] = value; // keeps the low 64 bits, so a value that does not fit comes back changed
      if (pair[0] !== value) refuse(path, value, range(signed, 64));
      within(buf, at, 8);
      setWord(buf, at, words[0] ?? 0);
      setWord(buf, at + 4, words[1] ?? 0);
    },
  };
}

/** A pointer or long of a 32-bit program: four bytes, but bigint as in the 64-bit layout. */
function compatWideCodec(signed: boolean): Codec {
  const narrow = narrowCodec(4, signed);
  return {
    read: (buf, at) => BigInt(signed ? buf.readInt32LE(at) : buf.readUInt32LE(at)),
    write: narrow.write,
  };
}

function scalarCodec(field: ScalarField): Codec {
  const signed = field.kind === 'signed';
  if (field.size === 8) return wideCodec(signed);
  return field.wide ? compatWideCodec(signed) : narrowCodec(field.size, signed);
}

function bitCodec(field: BitField): Codec {
  const { size, width, signed, wide, bigEndian = false } = field;
  /** Where the byte lies that counts so many from the lowest. */
  const place = (i: number) => (bigEndian ? size - 1 - i : i);
  const shift = BigInt(field.bitOffset);
  const mask = (1n << BigInt(width)) - 1n;
  const [low, high] = limits(signed, width);
  const gather = (buf: Buffer, at: number): bigint => {
    let all = 0n;
    for (let i = size - 1; i >= 0; i--) all = (all << 8n) | BigInt(buf.readUInt8(at + place(i)));
    return all;
  };
  return {
    read(buf, at) {
      const raw = (gather(buf, at) >> shift) & mask;
      const value = signed ? BigInt.asIntN(width, raw) : raw;
      return wide ? value : Number(value);
    },
    write(buf, at, value, path) {
      const whole = typeof value === 'number' && Number.isInteger(value);
      const plain = whole ? BigInt(value) : value;
      if (typeof plain !== 'bigint' || plain < low || plain > high) {
        refuse(path, value, range(signed, width));
      }
      let all = (gather(buf, at) & ~(mask << shift)) | ((plain & mask) << shift);
      for (let i = 0; i < size; i++, all >>= 8n) buf.writeUInt8(Number(all & 0xffn), at + place(i));
    },
  };
}

/** How many elements of `stride` bytes a flexible array has in this buffer. */
function flexibleLength(buf: Buffer, at: number, stride: number): number {
  return stride === 0 ? 0 : Math.max(0, Math.floor((buf.length - at) / stride));
}

function charsCodec(length: number, flexible: boolean): Codec {
  const room = (buf: Buffer, at: number) => (flexible ? flexibleLength(buf, at, 1) : length);
  return {
    read(buf, at) {
      const bytes = buf.subarray(at, at + room(buf, at));
      const end = bytes.indexOf(0);
      return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
    },
    write(buf, at, value, path) {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      const most = room(buf, at);
      if (!(bytes instanceof Uint8Array) || bytes.length > most) {
        refuse(path, value, `a string or Uint8Array of at most ${most} bytes`);
      }
      buf.fill(0, at, at + most).set(bytes, at);
    },
  };
}

function arrayCodec(element: Field, length: number, flexible: boolean): Codec {
  const codec = codecOf(element);
  const stride = element.size;
  const room = (buf: Buffer, at: number) => (flexible ? flexibleLength(buf, at, stride) : length);
  return {
    read(buf, at) {
      const count = room(buf, at);
      return Array.from({ length: count }, (_, index) => codec.read(buf, at + index * stride));
    },
    write(buf, at, value, path) {
      const most = room(buf, at);
      const items = Array.isArray(value) || value instanceof Uint8Array ? value : undefined;
      if (items === undefined || items.length > most) {
        refuse(path, value, `a list of at most ${most} values`);
      }
      buf.fill(0, at, at + most * stride);
      let index = 0;
      for (const item of items) {
        codec.write(buf, at + index * stride, item, `${path}[${index}]`);
        index++;
      }
    },
  };
}

/** The codec for one field; relative to where the field starts. */
export function codecOf(field: Field): Codec {
  switch (field.kind) {
    case 'unsigned':
    case 'signed':
    case 'pointer':
      return scalarCodec(field);
    case 'bitfield':
      return bitCodec(field);
    case 'struct':
    case 'union':
      return field.struct.codec;
    case 'array':
      return arrayCodec(field.element, field.length, field.flexible);
    case 'chars':
      return charsCodec(field.length, field.flexible);
  }
}
