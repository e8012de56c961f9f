import { closeSync, openSync, readSync } from 'node:fs';

/**
 * The kernel's memory, read through /proc/kcore: an ELF core file whose segments are the ranges of
 * kernel addresses, modules among them. Source: fs/proc/kcore.c, read_kcore_iter()
 */
export class KernelMemory {
  readonly #fd: number;
  readonly #segments: readonly Segment[];

  constructor(path = '/proc/kcore') {
    this.#fd = openSync(path, 'r');
    this.#segments = readSegments(this.#fd);
  }

  /** @throws Error for an address that is in no segment */
  read(address: bigint, length: number): Buffer {
    const end = address + BigInt(length);
    const segment = this.#segments.find(
      ({ start, sizeBytes }) => address >= start && end <= start + sizeBytes,
    );
    if (segment === undefined) throw new Error(`no kernel memory at ${address.toString(16)}`);
    return readAt(this.#fd, segment.offset + address - segment.start, length);
  }

  /** Up to the first NUL. */
  readString(address: bigint, mostBytes = 64): string {
    const bytes = this.read(address, mostBytes);
    return bytes.toString('latin1', 0, bytes.indexOf(0));
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

interface Segment {
  /** In the file. */
  readonly offset: bigint;
  /** Virtual address. */
  readonly start: bigint;
  readonly sizeBytes: bigint;
}

/** Places in struct elf64_hdr and elf64_phdr. Source: include/uapi/linux/elf.h */
const HEADER_BYTES = 64;
const E_PHOFF = 32;
const E_PHNUM = 56;
const SEGMENT_BYTES = 56;
const P_OFFSET = 8;
const P_VADDR = 16;
const P_FILESZ = 32;
const PT_LOAD = 1;

function readSegments(fd: number): readonly Segment[] {
  const header = readAt(fd, 0n, HEADER_BYTES);
  const count = header.readUInt16LE(E_PHNUM);
  const table = readAt(fd, header.readBigUInt64LE(E_PHOFF), count * SEGMENT_BYTES);
  return Array.from({ length: count }, (_, index) => {
    const entry = table.subarray(index * SEGMENT_BYTES, (index + 1) * SEGMENT_BYTES);
    if (entry.readUInt32LE(0) !== PT_LOAD) return [];
    return {
      offset: entry.readBigUInt64LE(P_OFFSET),
      start: entry.readBigUInt64LE(P_VADDR),
      sizeBytes: entry.readBigUInt64LE(P_FILESZ),
    };
  }).flat();
}

function readAt(fd: number, position: bigint, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const got = readSync(fd, bytes, 0, length, position);
  if (got !== length) throw new Error(`${got} of ${length} bytes at ${position.toString(16)}`);
  return bytes;
}
