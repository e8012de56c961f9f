import type { AnyStruct } from '../description.ts';

/**
 * What is known of the verbs interface beyond its header: which attributes a method takes and which
 * structs a write command. The tables are generated (uapi/headers/rdma/uverbs-*.ts) from the specs
 * that the kernel itself parses calls with (include/rdma/uverbs_ioctl.h, struct uverbs_attr_spec).
 */

/** Names are the kernel's without UVERBS_OBJECT_, UVERBS_METHOD_ and UVERBS_ATTR_; drivers' are whole. */
export interface UverbsObject {
  readonly name: string;
  readonly id: number;
}

export interface UverbsMethod {
  /** The only one that has it; the same numbers mean another method on another driver. */
  readonly driver?: string;
  readonly name: string;
  readonly id: number;
  readonly object: UverbsObject;
  /** As the kernel declares them; UHW_IN and UHW_OUT only where the method knows them. */
  readonly attributes: readonly UverbsAttribute[];
}

/** `idr` and `fd` are objects of the context; a `raw-fd` is any descriptor (a dma-buf). */
export type AttributeKind =
  | 'ptr-in'
  | 'ptr-out'
  | 'idr'
  | 'fd'
  | 'raw-fd'
  | 'enum-in'
  | 'idrs-array';

export type AttributeAccess = 'new' | 'read' | 'write' | 'destroy';

export interface UverbsAttribute {
  readonly name: string;
  readonly id: number;
  readonly kind: AttributeKind;
  /** Of `idr`, `fd` and `idrs-array`. */
  readonly access?: AttributeAccess;
  /** The object type; absent where any will do. */
  readonly object?: string;
  /** Bytes, 0 for objects and raw descriptors; of `idrs-array` the number of handles. */
  readonly minLength: number;
  readonly maxLength: number;
  readonly mandatory: boolean;
  /** More bytes than maxLength are taken as long as they are zero. */
  readonly zeroTail?: boolean;
  /** What the bytes are; of a list, one element. */
  readonly struct?: AnyStruct;
  /** Of `enum-in`: what each element takes, in the order of its number. */
  readonly enumElements?: readonly EnumElement[];
}

export interface EnumElement {
  readonly name: string;
  readonly minLength: number;
  readonly maxLength: number;
  readonly zeroTail?: boolean;
  readonly struct?: AnyStruct;
}

export interface WriteCommand {
  /** 'ALLOC_PD', 'EX_CREATE_CQ': the kernel's name without IB_USER_VERBS_CMD_ or IB_USER_VERBS_. */
  readonly name: string;
  /** The enumerator, without IB_USER_VERBS_CMD_FLAG_EXTENDED. */
  readonly id: number;
  readonly extended: boolean;
  readonly request: AnyStruct;
  readonly response?: AnyStruct;
  /** What the kernel asks for at least; less gives ENOSPC (uverbs_main.c, verify_hdr()). */
  readonly minRequestBytes: number;
  readonly minResponseBytes: number;
  /** Takes, gives bytes of the driver. */
  readonly udataIn: boolean;
  readonly udataOut: boolean;
}
