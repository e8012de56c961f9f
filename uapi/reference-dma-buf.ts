import {
  F_ADD_SEALS,
  F_SEAL_SHRINK,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  O_CLOEXEC,
  O_RDWR,
} from './constants.ts';
import { openDeviceFile } from './device-file.ts';
import { DMA_HEAP_IOCTL_ALLOC, dma_heap_allocation_data } from './headers/linux/dma-heap.ts';
import { UDMABUF_CREATE, UDMABUF_FLAGS_CLOEXEC, udmabuf_create } from './headers/linux/udmabuf.ts';
import { tryIoctl } from './ioctl.ts';
import { tryClose } from './sys.ts';
import { tryFcntl, tryFtruncate } from './sys-file.ts';
import { pageSize, tryMemfdCreate } from './sys-memory.ts';

/**
 * Pages of ordinary memory as a dma-buf, from exporters that let any device attach: what an importer
 * is tried with to learn whether it takes foreign buffers at all.
 * Source: drivers/dma-buf/heaps/system_heap.c, drivers/dma-buf/udmabuf.c
 */
export interface ReferenceExporter {
  /** `exp_name` in fdinfo: of a heap its name, else that of the module. */
  readonly name: string;
  /** The descriptor of a dma-buf of one page, for the caller to close; undefined where there is none. */
  make(): number | undefined;
}

export const REFERENCE_EXPORTERS: readonly ReferenceExporter[] = [
  { name: 'system', make: systemHeapPage },
  { name: 'udmabuf', make: memfdPage },
];

function systemHeapPage(): number | undefined {
  const heap = openDeviceFile('/dev/dma_heap/system');
  if (!heap.ok) return undefined;
  const fdFlags = O_RDWR | O_CLOEXEC;
  const arg = dma_heap_allocation_data.make({ len: BigInt(pageSize()), fd_flags: fdFlags });
  const { errno } = tryIoctl(heap.value, DMA_HEAP_IOCTL_ALLOC, arg);
  tryClose(heap.value);
  return errno === 0 ? dma_heap_allocation_data.get(arg, 'fd') : undefined;
}

function memfdPage(): number | undefined {
  const device = openDeviceFile('/dev/udmabuf');
  if (!device.ok) return undefined;
  const size = BigInt(pageSize());
  const memory = tryMemfdCreate('uapi-conform', MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (memory.errno === 0) tryFtruncate(memory.ret, size);
  if (memory.errno === 0) tryFcntl(memory.ret, F_ADD_SEALS, F_SEAL_SHRINK);
  const arg = udmabuf_create.make({ memfd: memory.ret, flags: UDMABUF_FLAGS_CLOEXEC, size });
  const made = tryIoctl(device.value, UDMABUF_CREATE, arg);
  tryClose(device.value);
  if (memory.errno === 0) tryClose(memory.ret);
  return made.errno === 0 ? made.ret : undefined;
}
