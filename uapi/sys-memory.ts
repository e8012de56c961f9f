import koffi from 'koffi';
import { beginCall, endCall } from './call-log.ts';
import { MAP_SHARED, MFD_CLOEXEC, MREMAP_MAYMOVE, PROT_READ, PROT_WRITE } from './constants.ts';
import type { Errno } from './errno.ts';
import {
  cStringBytes,
  libc,
  mustGive,
  mustSucceed,
  type SysResult,
  toInt64,
  toUint64,
} from './sys-call.ts';

/** Mapping calls on bare addresses. Whoever reads or writes the memory wants mapping.ts. */

type RawMmap = (
  address: bigint,
  length: bigint,
  prot: number,
  flags: number,
  fd: number,
  offset: bigint,
) => bigint | null;
type RawMremap = (
  address: bigint,
  oldLength: bigint,
  newLength: bigint,
  flags: number,
  newAddress: bigint,
) => bigint | null;

const rawMmap: RawMmap = libc.func(
  'void *mmap(void *address, size_t length, int prot, int flags, int fd, int64_t offset)',
);
const rawMremap: RawMremap = libc.func(
  'void *mremap(void *address, size_t old_length, size_t new_length, int flags, void *new_address)',
);
const rawMunmap: (address: bigint, length: bigint) => number = libc.func(
  'int munmap(void *address, size_t length)',
);
const rawMprotect: (address: bigint, length: bigint, prot: number) => number = libc.func(
  'int mprotect(void *address, size_t length, int prot)',
);
const rawMadvise: (address: bigint, length: bigint, advice: number) => number = libc.func(
  'int madvise(void *address, size_t length, int advice)',
);
const rawMemfdCreate: (name: string, flags: number) => number = libc.func(
  'int memfd_create(const char *name, unsigned int flags)',
);
const rawGetpagesize: () => number = libc.func('int getpagesize()');

/** mmap reports failure as an address of all ones, not as NULL: a fixed map at 0 is legal. */
const MAP_FAILED = 0xffffffffffffffffn;

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

export interface MmapRequest {
  readonly length: number | bigint;
  /** -1 with MAP_ANONYMOUS. */
  readonly fd: number;
  /** Bytes into the file; drivers give out fake ones that mean a buffer. Default 0. */
  readonly offset?: number | bigint;
  /** Default PROT_READ | PROT_WRITE. */
  readonly prot?: number;
  /** Default MAP_SHARED. */
  readonly flags?: number;
  /** A hint, or with MAP_FIXED an order. Default 0. */
  readonly address?: bigint;
}

export interface AddressResult {
  /** -1n on failure. */
  readonly address: bigint;
  /** 0 on success. */
  readonly errno: Errno;
}

function addressResult(slot: number, raw: bigint | null, errno: Errno): AddressResult {
  const address = raw === MAP_FAILED ? -1n : (raw ?? 0n);
  endCall(slot, Number(address), errno);
  return { address, errno };
}

/** mmap(2). */
export function tryMmap(request: MmapRequest): AddressResult {
  const { length, fd, offset = 0, prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED } = request;
  const { address = 0n } = request;
  const slot = beginCall('mmap', fd, [address, length, prot, flags, offset]);
  const raw = rawMmap(address, toUint64(length), prot, flags, fd, toInt64(offset));
  const errno = raw === MAP_FAILED ? koffi.errno() : 0;
  return addressResult(slot, raw, errno);
}

/** The text of a request for error messages. */
export function describeMmap(request: MmapRequest): string {
  const { length, offset = 0, prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED } = request;
  return `length=${length} offset=${hex(offset)} prot=${prot} flags=${hex(flags)}`;
}

function addressOf({ address, errno }: AddressResult) {
  return errno === 0 ? ({ ok: true, value: address } as const) : ({ ok: false, errno } as const);
}

/** mmap(2): the address. */
export function mmap(request: MmapRequest): bigint {
  const { fd } = request;
  const text = { call: 'mmap', argument: () => describeMmap(request), ...(fd >= 0 && { fd }) };
  return mustGive(addressOf(tryMmap(request)), text);
}

/** munmap(2). Unmaps whatever is there: a stale address tears down someone else's memory. */
export function tryMunmap(address: bigint, length: number | bigint): SysResult {
  const slot = beginCall('munmap', -1, [address, length]);
  const ret = rawMunmap(address, toUint64(length));
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** munmap(2). */
export function munmap(address: bigint, length: number | bigint): void {
  const argument = () => `address=${hex(address)} length=${length}`;
  mustSucceed(tryMunmap(address, length), { call: 'munmap', argument });
}

/** mremap(2). After success the old address is dead unless it is the one returned. */
export function tryMremap(
  address: bigint,
  oldLength: number | bigint,
  newLength: number | bigint,
  flags = MREMAP_MAYMOVE,
  newAddress = 0n,
): AddressResult {
  const slot = beginCall('mremap', -1, [address, oldLength, newLength, flags, newAddress]);
  const raw = rawMremap(address, toUint64(oldLength), toUint64(newLength), flags, newAddress);
  const errno = raw === MAP_FAILED ? koffi.errno() : 0;
  return addressResult(slot, raw, errno);
}

/** mremap(2): the new address. */
export function mremap(
  address: bigint,
  oldLength: number | bigint,
  newLength: number | bigint,
  flags = MREMAP_MAYMOVE,
  newAddress = 0n,
): bigint {
  const argument = () => `address=${hex(address)} ${oldLength} -> ${newLength} flags=${hex(flags)}`;
  const result = tryMremap(address, oldLength, newLength, flags, newAddress);
  return mustGive(addressOf(result), { call: 'mremap', argument });
}

/** mprotect(2). */
export function tryMprotect(address: bigint, length: number | bigint, prot: number): SysResult {
  const slot = beginCall('mprotect', -1, [address, length, prot]);
  const ret = rawMprotect(address, toUint64(length), prot);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** mprotect(2). */
export function mprotect(address: bigint, length: number | bigint, prot: number): void {
  const argument = () => `address=${hex(address)} length=${length} prot=${prot}`;
  mustSucceed(tryMprotect(address, length, prot), { call: 'mprotect', argument });
}

/** madvise(2); advice is MADV_*. */
export function tryMadvise(address: bigint, length: number | bigint, advice: number): SysResult {
  const slot = beginCall('madvise', -1, [address, length, advice]);
  const ret = rawMadvise(address, toUint64(length), advice);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** memfd_create(2); flags are MFD_*. */
export function tryMemfdCreate(name: string, flags = MFD_CLOEXEC): SysResult {
  const slot = beginCall('memfd_create', -1, [flags], cStringBytes(name));
  const ret = rawMemfdCreate(name, flags);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** memfd_create(2): the fd. */
export function memfdCreate(name: string, flags = MFD_CLOEXEC): number {
  const argument = () => `${name} flags=${hex(flags)}`;
  return mustSucceed(tryMemfdCreate(name, flags), { call: 'memfd_create', argument });
}

let pageBytes = 0;

/** Bytes of a page of this kernel: 4096, or 16 or 64 KiB on arm64. */
export function pageSize(): number {
  if (pageBytes === 0) pageBytes = rawGetpagesize();
  return pageBytes;
}

/** As many bytes in whole pages. */
export function wholePages(bytes: bigint): bigint {
  const page = BigInt(pageSize());
  return ((bytes + page - 1n) / page) * page;
}
