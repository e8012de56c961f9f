import type { Struct } from './layout.ts';

/**
 * What is known of a kernel header at run time. The generator (uapi/generate/) fills these types
 * from the headers; offsets and sizes come in two widths: the 64-bit ABI (x86-64, the same on
 * arm64 and riscv64) and, with the suffix 32, the i386 one that a compat task uses.
 */

/** Which way the argument of a command travels, seen from user space (_IOW writes to the kernel). */
export type Direction = 'none' | 'write' | 'read' | 'readwrite';

/** A struct whose members are known at run time only, by name. */
export type AnyStruct = Struct<Record<string, unknown>>;

/** One ioctl command. */
export interface Command<T = Record<string, unknown>> {
  /** The macro's name: 'DRM_IOCTL_GEM_CLOSE'. */
  readonly name: string;
  /** The number for the 64-bit ABI, as an unsigned 32-bit value. */
  readonly request: number;
  /** The number that a 32-bit (i386) program passes. */
  readonly request32: number;
  readonly direction: Direction;
  /** The letter of the subsystem, as a number: 'd' is 100. */
  readonly type: number;
  readonly nr: number;
  /** Bytes of the argument as encoded in `request`. */
  readonly size: number;
  /** The macro's type argument as the header spells it: 'struct drm_gem_close', 'int', or absent. */
  readonly argument?: string;
  /** Absent when the argument is a scalar or there is none. */
  readonly struct?: Struct<T>;
}

interface FieldBase {
  /** Empty for an anonymous struct or union (its members belong to the parent) and for elements. */
  readonly name: string;
  /** The C type as the header spells it: '__u32', 'enum drm_map_type', 'char *'. */
  readonly type: string;
  /** Bytes from the start of the struct that holds the field. */
  readonly offset: number;
  readonly size: number;
  readonly offset32: number;
  readonly size32: number;
}

/** An integer or an address. */
export interface ScalarField extends FieldBase {
  readonly kind: 'unsigned' | 'signed' | 'pointer';
  /** True where values are bigint: eight bytes in the 64-bit ABI. */
  readonly wide: boolean;
}

/** Some bits. `offset` is the first byte touched, `size` the number of bytes touched. */
export interface BitField extends FieldBase {
  readonly kind: 'bitfield';
  readonly signed: boolean;
  /** Bits above the lowest bit of the byte at `offset` (`offset32`). */
  readonly bitOffset: number;
  readonly bitOffset32: number;
  readonly width: number;
  /** True where values are bigint: declared with an eight-byte type. */
  readonly wide: boolean;
  /** The byte at `offset` is the highest, and not the lowest: in what a device is sent. */
  readonly bigEndian?: boolean;
}

/** A nested struct or union, named elsewhere or inlined. */
export interface GroupField extends FieldBase {
  readonly kind: 'struct' | 'union';
  readonly struct: AnyStruct;
}

/** An array of anything but char. Several dimensions are arrays of arrays. */
export interface ArrayField extends FieldBase {
  readonly kind: 'array';
  /** The element at index 0: offset 0 and no name; its size is the stride. */
  readonly element: Field;
  /** 0 for a flexible array, whose true length the size of the buffer tells. */
  readonly length: number;
  /** Differs where a mask is kept in longs: rdma/ib_user_mad.h, struct ib_user_mad_reg_req. */
  readonly length32: number;
  readonly flexible: boolean;
}

/** A char array: a string that need not end in NUL when it fills the array. */
export interface CharsField extends FieldBase {
  readonly kind: 'chars';
  readonly length: number;
  readonly flexible: boolean;
}

export type Field = ScalarField | BitField | GroupField | ArrayField | CharsField;
export type FieldKind = Field['kind'];

/** What a struct is made of. `fields` is called once, at first use, to keep imports cheap. */
export interface StructLayout {
  readonly name: string;
  readonly size: number;
  readonly size32: number;
  /** True for a C union. */
  readonly union?: boolean;
  /** How C names it, where that is not 'struct name' or 'union name': a typedef. */
  readonly spelling?: string;
  readonly fields: () => readonly Field[];
}

/** Everything that one kernel header describes; each generated module exports one. */
export interface HeaderDescription {
  /** 'drm/vgem_drm.h' */
  readonly header: string;
  /** Where the header came from: 'linux-libc-dev 7.3.4-1~bpo13+1'. */
  readonly source: string;
  /** By tag (or typedef name where there is no tag): structs and unions. */
  readonly structs: Readonly<Record<string, AnyStruct>>;
  readonly commands: Readonly<Record<string, Command>>;
  /** Macros and enumerators that are integers; bigint where the C type has eight bytes. */
  readonly constants: Readonly<Record<string, number | bigint>>;
  /** Those that a 32-bit program sees with another value: DRM_PANTHOR_USER_MMIO_OFFSET. */
  readonly constants32: Readonly<Record<string, number | bigint>>;
  /** Named enums, each with its enumerators. */
  readonly enums: Readonly<Record<string, Readonly<Record<string, number | bigint>>>>;
}
