import { accessMode } from '../../uapi/access.ts';
import { O_CLOEXEC } from '../../uapi/constants.ts';
import {
  type DescriptorBuffer,
  descriptorBuffer,
  descriptorBufferVerbs,
} from '../../uapi/descriptor-buffer.ts';
import { closeDeviceFile } from '../../uapi/device-file.ts';
import {
  DMA_HEAP_IOCTL_ALLOC,
  dma_heap_allocation_data,
} from '../../uapi/headers/linux/dma-heap.ts';
import { tryIoctl } from '../../uapi/ioctl.ts';
import type { AllocRequest, Outcome, Session } from '../contract.ts';

export function createSession(fd: number): Session {
  return {
    fd,
    alloc: (want) => alloc(fd, want),
    ...descriptorBufferVerbs,
    close: () => closeDeviceFile(fd),
  };
}

/** Source: drivers/dma-buf/dma-heap.c, dma_heap_ioctl_allocate() */
export function alloc(heap: number, want: AllocRequest): Outcome<DescriptorBuffer> {
  const mode = accessMode(want.access ?? 'read-write');
  const arg = dma_heap_allocation_data.make({
    len: want.size,
    fd_flags: mode | (want.closeOnExec === false ? 0 : O_CLOEXEC),
  });
  const { errno } = tryIoctl(heap, DMA_HEAP_IOCTL_ALLOC, arg);
  if (errno !== 0) return { ok: false, errno, call: DMA_HEAP_IOCTL_ALLOC.name };
  return descriptorBuffer(dma_heap_allocation_data.get(arg, 'fd'));
}
