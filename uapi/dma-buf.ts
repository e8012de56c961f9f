import { F_DUPFD, F_DUPFD_CLOEXEC, SEEK_END } from './constants.ts';
import {
  DMA_BUF_IOCTL_EXPORT_SYNC_FILE,
  DMA_BUF_IOCTL_IMPORT_SYNC_FILE,
  DMA_BUF_IOCTL_SYNC,
  DMA_BUF_SYNC_END,
  DMA_BUF_SYNC_READ,
  DMA_BUF_SYNC_START,
  DMA_BUF_SYNC_WRITE,
  dma_buf_export_sync_file,
  dma_buf_import_sync_file,
  dma_buf_sync,
} from './headers/linux/dma-buf.ts';
import { tryIoctl } from './ioctl.ts';
import type { Outcome, SysResult } from './sys-call.ts';
import { tryFcntl, tryLseek } from './sys-file.ts';

/** Calls on a dma-buf descriptor, the same for every exporter. Source: drivers/dma-buf/dma-buf.c */

/** What the CPU, or a job behind a fence, does with the memory. */
export type DmaBufAccess = 'read' | 'write' | 'read-write';

const ACCESS_BITS = {
  read: DMA_BUF_SYNC_READ,
  write: DMA_BUF_SYNC_WRITE,
  'read-write': DMA_BUF_SYNC_READ | DMA_BUF_SYNC_WRITE,
} as const;

/** Begins or ends CPU access; `start` waits for the fences that stand against it. */
export function trySync(fd: number, phase: 'start' | 'end', access: DmaBufAccess): SysResult {
  const flags = (phase === 'start' ? DMA_BUF_SYNC_START : DMA_BUF_SYNC_END) | ACCESS_BITS[access];
  return tryIoctl(fd, DMA_BUF_IOCTL_SYNC, dma_buf_sync.make({ flags: BigInt(flags) }));
}

/** A sync_file of the fences that `access` would have to wait for; the value is its descriptor. */
export function tryExportSyncFile(fd: number, access: DmaBufAccess): Outcome<number> {
  const arg = dma_buf_export_sync_file.make({ flags: ACCESS_BITS[access], fd: -1 });
  const { errno } = tryIoctl(fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, arg);
  if (errno !== 0) return { ok: false, errno };
  return { ok: true, value: dma_buf_export_sync_file.get(arg, 'fd') };
}

/** Adds the sync_file's fences to the buffer, as a reader's or a writer's. */
export function tryImportSyncFile(fd: number, syncFile: number, access: DmaBufAccess): SysResult {
  const arg = dma_buf_import_sync_file.make({ flags: ACCESS_BITS[access], fd: syncFile });
  return tryIoctl(fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, arg);
}

/** The buffer's size in bytes, which the kernel rounded up to pages. Source: dma_buf_llseek() */
export function trySize(fd: number): Outcome<bigint> {
  const { ret, errno } = tryLseek(fd, 0, SEEK_END);
  return errno === 0 ? { ok: true, value: BigInt(ret) } : { ok: false, errno };
}

/** A second descriptor of the same dma-buf, with a life of its own. */
export function tryDuplicate(fd: number, closeOnExec: boolean): SysResult {
  return tryFcntl(fd, closeOnExec ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
}
