import koffi from 'koffi';
import {
  ib_uverbs_attr,
  ib_uverbs_ioctl_hdr,
  UVERBS_ATTR_F_MANDATORY,
  UVERBS_ATTR_F_VALID_OUTPUT,
} from '../headers/rdma/rdma-user-ioctl-cmds.ts';

/** The argument of RDMA_VERBS_IOCTL: a header and attributes, bytes as the kernel reads them. */

/** One attribute as it lies in memory; nothing is checked. */
export interface RawAttribute {
  readonly id: number;
  /** Default: the size of the memory that `data` leads to, 0 for a number. */
  readonly length?: number;
  /** Default: UVERBS_ATTR_F_MANDATORY. */
  readonly flags?: number;
  /** The element of an enum attribute. */
  readonly element?: number;
  /** All 16 bits behind the flags, or with an element the upper 8. Default 0. */
  readonly reserved?: number;
  /** The eight bytes of the field (handle, fd, inline data, any address), or memory to point at. */
  readonly data?: number | bigint | Uint8Array;
}

/** Fields of struct ib_uverbs_ioctl_hdr; `length` and `numAttributes` follow the attributes. */
export interface RawHeader {
  readonly length?: number;
  readonly object: number;
  readonly method: number;
  readonly numAttributes?: number;
  readonly reserved1?: bigint;
  readonly driverId: number;
  readonly reserved2?: number;
}

/** What the kernel may change in an attribute, and what its data was. */
export interface RawAttributeAfter {
  readonly id: number;
  readonly length: number;
  readonly flags: number;
  /** A new handle or descriptor comes back here. */
  readonly data: bigint;
}

const HEADER_BYTES = ib_uverbs_ioctl_hdr.size;
const ATTRIBUTE_BYTES = ib_uverbs_attr.size;

/** Where memory is; it must be held on to until the call is over. */
export function addressOf(memory: Uint8Array): bigint {
  return memory.length === 0 ? 0n : koffi.address(memory);
}

/** A number as an eight-byte field: negative descriptors are sign-extended. */
function field64(data: number | bigint): bigint {
  return BigInt.asUintN(64, BigInt(data));
}

function writeAttribute(bytes: Buffer, at: number, attribute: RawAttribute): void {
  const { id, flags = UVERBS_ATTR_F_MANDATORY, data = 0n, element, reserved = 0 } = attribute;
  const memory = data instanceof Uint8Array ? data : undefined;
  ib_uverbs_attr.set(bytes, 'attr_id', id, at);
  ib_uverbs_attr.set(bytes, 'len', attribute.length ?? memory?.length ?? 0, at);
  ib_uverbs_attr.set(bytes, 'flags', flags, at);
  if (element === undefined) ib_uverbs_attr.set(bytes, 'attr_data.reserved', reserved, at);
  else {
    ib_uverbs_attr.set(bytes, 'attr_data.enum_data.elem_id', element, at);
    ib_uverbs_attr.set(bytes, 'attr_data.enum_data.reserved', reserved, at);
  }
  const value = data instanceof Uint8Array ? addressOf(data) : field64(data);
  ib_uverbs_attr.set(bytes, 'data', value, at);
}

/** The argument's bytes. They hold addresses: keep `attributes` until the call is over. */
export function encodeArgument(header: RawHeader, attributes: readonly RawAttribute[]): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + attributes.length * ATTRIBUTE_BYTES);
  ib_uverbs_ioctl_hdr.set(bytes, 'length', header.length ?? bytes.length);
  ib_uverbs_ioctl_hdr.set(bytes, 'object_id', header.object);
  ib_uverbs_ioctl_hdr.set(bytes, 'method_id', header.method);
  ib_uverbs_ioctl_hdr.set(bytes, 'num_attrs', header.numAttributes ?? attributes.length);
  ib_uverbs_ioctl_hdr.set(bytes, 'reserved1', header.reserved1 ?? 0n);
  ib_uverbs_ioctl_hdr.set(bytes, 'driver_id', header.driverId);
  ib_uverbs_ioctl_hdr.set(bytes, 'reserved2', header.reserved2 ?? 0);
  let at = HEADER_BYTES;
  for (const attribute of attributes) {
    writeAttribute(bytes, at, attribute);
    at += ATTRIBUTE_BYTES;
  }
  return bytes;
}

/** The attribute as the kernel left it. */
export function attributeAfter(bytes: Buffer, index: number): RawAttributeAfter {
  const at = HEADER_BYTES + index * ATTRIBUTE_BYTES;
  return {
    id: ib_uverbs_attr.get(bytes, 'attr_id', at),
    length: ib_uverbs_attr.get(bytes, 'len', at),
    flags: ib_uverbs_attr.get(bytes, 'flags', at),
    data: ib_uverbs_attr.get(bytes, 'data', at),
  };
}

/** Has the kernel marked an output as filled in (UVERBS_ATTR_F_VALID_OUTPUT)? */
export function isFilled(bytes: Buffer, index: number): boolean {
  const at = HEADER_BYTES + index * ATTRIBUTE_BYTES;
  return (ib_uverbs_attr.get(bytes, 'flags', at) & UVERBS_ATTR_F_VALID_OUTPUT) !== 0;
}
