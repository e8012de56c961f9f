/**
 * Messages of the vfio-user protocol, version 0, as QEMU's vfio-user-pci speaks it.
 * Source: QEMU, docs/interop/vfio-user.rst. Bodies that are structs of vfio(7) come from
 * uapi/headers/linux/vfio.ts; those that only this protocol has are here.
 */

export const COMMAND = {
  VERSION: 1,
  DMA_MAP: 2,
  DMA_UNMAP: 3,
  DEVICE_GET_INFO: 4,
  DEVICE_GET_REGION_INFO: 5,
  DEVICE_GET_REGION_IO_FDS: 6,
  DEVICE_GET_IRQ_INFO: 7,
  DEVICE_SET_IRQS: 8,
  REGION_READ: 9,
  REGION_WRITE: 10,
  DMA_READ: 11,
  DMA_WRITE: 12,
  DEVICE_RESET: 13,
  REGION_WRITE_MULTI: 15,
} as const;

/** Bytes of the header: id, command, size of all, flags, errno. */
export const HEADER_BYTES = 16;
/** More than any message that we let the client send. */
export const MAX_MESSAGE_BYTES = 1024 * 1024 + 4096;

const TYPE_MASK = 0xf;
const TYPE_REPLY = 1;
const FLAG_NO_REPLY = 0x10;
const FLAG_ERROR = 0x20;

/** A message of the client. */
export interface Message {
  readonly id: number;
  readonly command: number;
  readonly wantsReply: boolean;
  readonly isReply: boolean;
  readonly body: Buffer;
}

/** The peer speaks something else: nothing that it sends can be told apart any more. */
export class FramingError extends Error {
  override name = 'FramingError';
}

/**
 * The first message of a stream's bytes and how many it took; undefined until all of it is there.
 * @throws FramingError where the header cannot be one
 */
export function takeMessage(bytes: Buffer): { message: Message; taken: number } | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const size = bytes.readUInt32LE(4);
  if (size < HEADER_BYTES || size > MAX_MESSAGE_BYTES) {
    throw new FramingError(`a message of ${size} bytes`);
  }
  if (bytes.length < size) return undefined;
  const flags = bytes.readUInt32LE(8);
  const message = {
    id: bytes.readUInt16LE(0),
    command: bytes.readUInt16LE(2),
    wantsReply: (flags & FLAG_NO_REPLY) === 0,
    isReply: (flags & TYPE_MASK) === TYPE_REPLY,
    body: bytes.subarray(HEADER_BYTES, size),
  };
  return { message, taken: size };
}

/** What answers a message: the same id and command, and a body or an errno. */
export function makeReply({ id, command }: Message, body: Uint8Array, errno = 0): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + body.length);
  bytes.writeUInt16LE(id, 0);
  bytes.writeUInt16LE(command, 2);
  bytes.writeUInt32LE(bytes.length, 4);
  bytes.writeUInt32LE(TYPE_REPLY | (errno === 0 ? 0 : FLAG_ERROR), 8);
  bytes.writeUInt32LE(errno, 12);
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

/** One access to a region: where, and what is written. */
export interface RegionAccess {
  readonly region: number;
  readonly offset: number;
  readonly count: number;
}

/** Bytes in front of the data of REGION_READ and REGION_WRITE: u64 offset, u32 region, u32 count. */
export const ACCESS_BYTES = 16;

export function parseAccess(body: Buffer, at = 0): RegionAccess {
  return {
    offset: Number(body.readBigUInt64LE(at)),
    region: body.readUInt32LE(at + 8),
    count: body.readUInt32LE(at + 12),
  };
}

/** Guest memory that comes or goes. */
export interface DmaRange {
  readonly flags: number;
  /** In the file that comes with the message; of a mapping only. */
  readonly fileOffset: bigint;
  readonly address: bigint;
  readonly size: bigint;
}

/** DMA_MAP: u32 argsz, flags; u64 offset, address, size. */
export function parseDmaMap(body: Buffer): DmaRange {
  return {
    flags: body.readUInt32LE(4),
    fileOffset: body.readBigUInt64LE(8),
    address: body.readBigUInt64LE(16),
    size: body.readBigUInt64LE(24),
  };
}

/** DMA_UNMAP: u32 argsz, flags; u64 address, size. */
export function parseDmaUnmap(body: Buffer): DmaRange {
  return {
    flags: body.readUInt32LE(4),
    fileOffset: 0n,
    address: body.readBigUInt64LE(8),
    size: body.readBigUInt64LE(16),
  };
}

/** DMA_UNMAP of everything. */
export const UNMAP_ALL = 0x2;

/** The answer to VERSION: QEMU 11 announces 0.0 and refuses a server with a higher minor. */
export function versionReply(): Buffer {
  const capabilities = { max_msg_fds: 8, max_data_xfer_size: 1024 * 1024, write_multiple: true };
  const text = Buffer.from(`${JSON.stringify({ capabilities })}\0`);
  return Buffer.concat([Buffer.alloc(4), text]);
}
