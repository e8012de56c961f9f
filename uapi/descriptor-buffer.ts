import { type CallOutcome, outcomeOf, returned } from './call-outcome.ts';
import { MAP_SHARED } from './constants.ts';
import { openDeviceFile } from './device-file.ts';
import { tryDuplicate, trySize } from './dma-buf.ts';
import { type MissingSyncFile, probeSyncFile } from './dma-buf-features.ts';
import { errnoName } from './errno.ts';
import { Mapping } from './mapping.ts';
import { tryClose } from './sys.ts';
import { pageSize } from './sys-memory.ts';

/**
 * Buffers of drivers that have no handles: the driver gives a dma-buf descriptor, and that is the
 * buffer (dma-heap, udmabuf). What every such driver does with one is here.
 */
export interface DescriptorBuffer {
  /** Bytes, as the kernel granted them. */
  readonly size: bigint;
  readonly fd: number;
}

/** A buffer as a case holds it: only those of such drivers have a descriptor. */
interface AnyBuffer {
  readonly fd?: number;
}

/** The buffer behind a descriptor that a driver just gave; asks the kernel for its size. */
export function descriptorBuffer(fd: number): CallOutcome<DescriptorBuffer> {
  const size = trySize(fd);
  if (!size.ok) return { ok: false, errno: size.errno, call: 'lseek' };
  return { ok: true, value: { size: size.value, fd } };
}

export const descriptorBufferVerbs = {
  free(buffer: AnyBuffer): CallOutcome<undefined> {
    return outcomeOf(tryClose(descriptorOf(buffer)), 'close');
  },

  map(buffer: AnyBuffer): CallOutcome<{ fd: number; offset: bigint }> {
    return { ok: true, value: { fd: descriptorOf(buffer), offset: 0n } };
  },

  /** The buffer is a dma-buf already: a second descriptor of the same file. */
  exportDmabuf(buffer: AnyBuffer, how: { readonly closeOnExec?: boolean }): CallOutcome<number> {
    return returned(tryDuplicate(descriptorOf(buffer), how.closeOnExec ?? true), 'fcntl F_DUPFD');
  },
};

function descriptorOf(buffer: AnyBuffer): number {
  if (buffer.fd === undefined) throw new TypeError('the buffer of another driver: no descriptor');
  return buffer.fd;
}

/** What such a driver's buffers cannot do, with the reason, under the contract's names. */
export interface MissingOfBuffers extends MissingSyncFile {
  readonly map?: string;
}

/**
 * Opens the device and makes one buffer, to learn what the kernel's dma-buf core can do with it, and whether
 * the CPU maps it: protected memory it does not (drivers/tee/tee_heap.c). Leaves nothing behind.
 */
export function probeDescriptorDevice(
  node: string,
  makeBuffer: (device: number) => CallOutcome<DescriptorBuffer>,
): CallOutcome<MissingOfBuffers> {
  const device = openDeviceFile(node);
  if (!device.ok) return device;
  const made = makeBuffer(device.value);
  tryClose(device.value);
  if (!made.ok) return made;
  const missing = { ...probeSyncFile(made.value.fd), ...probeMap(made.value.fd) };
  tryClose(made.value.fd);
  return { ok: true, value: missing };
}

function probeMap(fd: number): MissingOfBuffers {
  const mapped = Mapping.tryMap({ fd, length: pageSize(), flags: MAP_SHARED });
  if (!mapped.ok) return { map: `mmap answers ${errnoName(mapped.errno)}` };
  mapped.value.unmap();
  return {};
}
