import { tryExportSyncFile } from './dma-buf.ts';
import { type Errno, errnoName } from './errno.ts';
import { trySetDeadline } from './sync-file.ts';
import { tryClose } from './sys.ts';

/** What the kernel's dma-buf core cannot do, with the reason, under the contract's names. */
export interface MissingSyncFile {
  readonly 'sync-file'?: string;
  readonly 'sync-file-deadline'?: string;
}

/**
 * Exports a sync_file of an idle dma-buf and gives it a deadline. Changes nothing: a deadline on a
 * signalled fence has no effect. Absent without CONFIG_SYNC_FILE, and before 6.0 and 6.6.
 */
export function probeSyncFile(dmabuf: number): MissingSyncFile {
  const exported = tryExportSyncFile(dmabuf, 'read');
  if (!exported.ok) {
    const reason = refusal('DMA_BUF_IOCTL_EXPORT_SYNC_FILE', exported.errno);
    return { 'sync-file': reason, 'sync-file-deadline': reason };
  }
  const { errno } = trySetDeadline(exported.value, 0n);
  tryClose(exported.value);
  return errno === 0 ? {} : { 'sync-file-deadline': refusal('SYNC_IOC_SET_DEADLINE', errno) };
}

function refusal(call: string, errno: Errno): string {
  return `${call} answers ${errnoName(errno)}`;
}
