import type {
  AnyStruct,
  ArrayField,
  BitField,
  CharsField,
  Command,
  Direction,
  Field,
  GroupField,
  HeaderDescription,
  ScalarField,
  StructLayout,
} from './description.ts';
import { Struct } from './layout.ts';

/**
 * Constructors for fields and commands, so that generated modules read as a table:
 * `u32('handle', 0)`. The second offset is the i386 one and is left out where it is the same.
 */

type ScalarOf = (name: string, offset: number, offset32?: number, type?: string) => ScalarField;

function scalarOf(
  kind: ScalarField['kind'],
  size: number,
  defaultType: string,
  size32 = size,
): ScalarOf {
  const wide = size === 8;
  return (name, offset, offset32 = offset, type = defaultType) => {
    return { kind, name, type, offset, size, offset32, size32, wide };
  };
}

export const u8: ScalarOf = scalarOf('unsigned', 1, '__u8');
export const u16: ScalarOf = scalarOf('unsigned', 2, '__u16');
export const u32: ScalarOf = scalarOf('unsigned', 4, '__u32');
export const u64: ScalarOf = scalarOf('unsigned', 8, '__u64');
export const s8: ScalarOf = scalarOf('signed', 1, '__s8');
export const s16: ScalarOf = scalarOf('signed', 2, '__s16');
export const s32: ScalarOf = scalarOf('signed', 4, '__s32');
export const s64: ScalarOf = scalarOf('signed', 8, '__s64');
/** Eight bytes for a 64-bit program and four for a 32-bit one. */
export const ulong: ScalarOf = scalarOf('unsigned', 8, 'unsigned long', 4);
export const slong: ScalarOf = scalarOf('signed', 8, 'long', 4);
export const pointer: ScalarOf = scalarOf('pointer', 8, 'void *', 4);

/** A bit-field; positions are bits from the start of the struct, lowest bit first. */
export function bits(
  name: string,
  at: { position: number; position32?: number; width: number; signed?: boolean; wide?: boolean },
  type = '__u32',
): BitField {
  const { position, position32 = position, width, signed = false, wide = false } = at;
  const bitOffset = position % 8;
  const bitOffset32 = position32 % 8;
  return {
    kind: 'bitfield',
    name,
    type,
    offset: (position - bitOffset) / 8,
    size: Math.ceil((bitOffset + width) / 8),
    offset32: (position32 - bitOffset32) / 8,
    size32: Math.ceil((bitOffset32 + width) / 8),
    signed,
    bitOffset,
    bitOffset32,
    width,
    wide,
  };
}

/** Some bits of what a device is sent, counted from the highest of the first byte. */
export function deviceBits(name: string, position: number, width: number): BitField {
  const offset = Math.floor(position / 8);
  const end = Math.ceil((position + width) / 8);
  const bitOffset = end * 8 - position - width;
  const size = end - offset;
  return {
    kind: 'bitfield',
    name,
    type: width > 32 ? '__be64' : '__be32',
    offset,
    size,
    offset32: offset,
    size32: size,
    signed: false,
    bitOffset,
    bitOffset32: bitOffset,
    width,
    wide: width > 32,
    bigEndian: true,
  };
}

/** A member whose type is a struct or union that has its own description. */
export function nested(
  name: string,
  struct: AnyStruct,
  offset: number,
  offset32: number = offset,
): GroupField {
  const kind = struct.union ? 'union' : 'struct';
  return {
    kind,
    name,
    type: struct.spelling,
    offset,
    size: struct.size,
    offset32,
    size32: struct.size32,
    struct,
  };
}

/** A struct or union that has no name of its own; with an empty name its members are the parent's. */
export function inline(
  name: string,
  layout: StructLayout,
  offset: number,
  offset32: number = offset,
): GroupField {
  return nested(name, new Struct(layout), offset, offset32);
}

/** An array of `length` elements; length 0 is a flexible array. */
export function array(
  name: string,
  element: Field,
  length: number,
  offset: number,
  offset32: number = offset,
  length32: number = length,
): ArrayField {
  return {
    kind: 'array',
    name,
    type: `${element.type}[${length === 0 ? '' : length}]`,
    offset,
    size: element.size * length,
    offset32,
    size32: element.size32 * length32,
    element,
    length,
    length32,
    flexible: length === 0,
  };
}

/** A char array; length 0 is a flexible one. */
export function chars(
  name: string,
  length: number,
  offset: number,
  offset32: number = offset,
): CharsField {
  return {
    kind: 'chars',
    name,
    type: `char[${length === 0 ? '' : length}]`,
    offset,
    size: length,
    offset32,
    size32: length,
    length,
    flexible: length === 0,
  };
}

const directions: readonly Direction[] = ['none', 'write', 'read', 'readwrite'];

/**
 * A command from its number: direction, type, nr and size are bits of it.
 * Source: include/uapi/asm-generic/ioctl.h (x86, arm64, riscv).
 */
export function command<T = Record<string, unknown>>(
  name: string,
  request: number,
  request32: number = request,
  argument?: string,
  struct?: Struct<T>,
): Command<T> {
  return {
    name,
    request,
    request32,
    direction: directions[request >>> 30] ?? 'none',
    type: (request >>> 8) & 0xff,
    nr: request & 0xff,
    size: (request >>> 16) & 0x3fff,
    ...(argument !== undefined && { argument }),
    ...(struct !== undefined && { struct }),
  };
}

type Tables = Pick<
  HeaderDescription,
  'structs' | 'commands' | 'constants' | 'constants32' | 'enums'
>;

/** What a generated module hands over: its tables as functions, so that an import builds none. */
export interface DescriptionParts extends Pick<HeaderDescription, 'header' | 'source'> {
  readonly structs: () => Tables['structs'];
  readonly commands: () => Tables['commands'];
  readonly constants: () => Tables['constants'];
  readonly constants32?: () => Tables['constants32'];
  readonly enums: () => Tables['enums'];
}

/** The description of a header; each table is built when first looked at. */
export function describe(parts: DescriptionParts): HeaderDescription {
  const built: { -readonly [K in keyof Tables]?: Tables[K] } = {};
  return {
    header: parts.header,
    source: parts.source,
    get structs() {
      built.structs ??= parts.structs();
      return built.structs;
    },
    get commands() {
      built.commands ??= parts.commands();
      return built.commands;
    },
    get constants() {
      built.constants ??= parts.constants();
      return built.constants;
    },
    get constants32() {
      built.constants32 ??= parts.constants32?.() ?? {};
      return built.constants32;
    },
    get enums() {
      built.enums ??= parts.enums();
      return built.enums;
    },
  };
}
