/** What the generator knows of a header, before it is written as TypeScript. */

/** A number for the 64-bit and one for the 32-bit (i386) ABI. */
export interface Both<T = number> {
  readonly wide: T;
  readonly narrow: T;
}

export interface RecordModel {
  /** The tag, or the typedef's name where there is no tag; for an inlined one, a dotted path. */
  readonly name: string;
  /** 'struct name', 'union name' or a typedef's name; empty for an inlined one. */
  readonly spelling: string;
  readonly union: boolean;
  /** The line of the header that the definition starts in. */
  readonly line: number;
  readonly size: Both;
  readonly members: readonly MemberModel[];
}

export interface MemberModel {
  /** Empty for an anonymous struct or union. */
  readonly name: string;
  readonly line: number;
  /** Bytes from the start of the record that holds the member; 0 for bit-fields. */
  readonly offset: Both;
  readonly shape: Shape;
}

/** The type of a member, or of an array's element; `type` is C as the header spells it. */
export type Shape =
  | {
      readonly kind: 'unsigned' | 'signed' | 'pointer';
      readonly type: string;
      readonly size: Both;
    }
  | {
      readonly kind: 'bits';
      readonly type: string;
      readonly signed: boolean;
      /** Declared with an eight-byte type. */
      readonly wide: boolean;
      /** Bits from the start of the record. */
      readonly position: Both;
      readonly width: number;
    }
  | { readonly kind: 'record'; readonly record: string }
  | { readonly kind: 'inline'; readonly record: RecordModel }
  /** length 0 is a flexible array; a mask in longs has more elements for 32-bit programs. */
  | { readonly kind: 'array'; readonly element: Shape; readonly length: Both }
  | { readonly kind: 'chars'; readonly length: number };

export interface ConstantModel {
  readonly name: string;
  readonly value: Both<number | bigint>;
  /** The header writes it in hexadecimal or as a shift. */
  readonly hex: boolean;
}

export interface EnumModel {
  /** Undefined for an enum without tag or typedef. */
  readonly name: string | undefined;
  readonly line: number;
  readonly constants: readonly ConstantModel[];
}

export interface CommandModel {
  readonly name: string;
  readonly request: Both;
  /** The macro's type argument. */
  readonly argument: string | undefined;
  /** The struct or union that the argument names. */
  readonly record: string | undefined;
}

export interface HeaderModel {
  readonly header: string;
  readonly records: readonly RecordModel[];
  readonly commands: readonly CommandModel[];
  readonly enums: readonly EnumModel[];
  /** Macros only; enumerators are in `enums`. */
  readonly constants: readonly ConstantModel[];
  /** Records of other headers that this one refers to, with the header that defines each. */
  readonly foreign: ReadonlyMap<string, string>;
  /** Object-like macros that are no integer constants. */
  readonly dropped: readonly string[];
}
