import { tryExportSyncFile, tryImportSyncFile, trySync } from '../../../uapi/dma-buf.ts';
import { tryFileInfo, tryMerge } from '../../../uapi/sync-file.ts';
import type { Fields } from '../values.ts';
import {
  type Arguments,
  fdOf,
  finished,
  gave,
  gaveFields,
  type PointContext,
  refused,
  type VerbResult,
} from '../verb.ts';
import { accessOf, holdDescriptor } from './device.ts';

/** Verbs on dma-buf and sync_file descriptors, the same for every exporter. */

export function sync(args: Arguments<'sync'>, context: PointContext): VerbResult {
  const fd = fdOf(args.dmabuf, context);
  return finished(trySync(fd, args.phase, accessOf(context, args.access)), 'DMA_BUF_IOCTL_SYNC');
}

export function exportSyncFile(
  args: Arguments<'exportSyncFile'>,
  context: PointContext,
): VerbResult {
  const fd = fdOf(args.dmabuf, context);
  const outcome = tryExportSyncFile(fd, accessOf(context, args.access));
  if (!outcome.ok) return refused({ ...outcome, call: 'DMA_BUF_IOCTL_EXPORT_SYNC_FILE' });
  return gave(holdDescriptor(context, 'sync-file', outcome.value));
}

export function importSyncFile(
  args: Arguments<'importSyncFile'>,
  context: PointContext,
): VerbResult {
  const fd = fdOf(args.dmabuf, context);
  const syncFile = fdOf(args.syncFile, context);
  const result = tryImportSyncFile(fd, syncFile, accessOf(context, args.access));
  return finished(result, 'DMA_BUF_IOCTL_IMPORT_SYNC_FILE');
}

export function merge(args: Arguments<'merge'>, context: PointContext): VerbResult {
  const [first = -1, second = -1] = args.syncFiles.map((reference) => fdOf(reference, context));
  const outcome = tryMerge(first, second, args.name ?? 'uapi-conform');
  if (!outcome.ok) return refused({ ...outcome, call: 'SYNC_IOC_MERGE' });
  return gave(holdDescriptor(context, 'sync-file', outcome.value));
}

/** `fences` is their number; the rest of the fields are those of the first. */
export function fenceInfo(args: Arguments<'fenceInfo'>, context: PointContext): VerbResult {
  const outcome = tryFileInfo(fdOf(args.syncFile, context));
  if (!outcome.ok) return refused({ ...outcome, call: 'SYNC_IOC_FILE_INFO' });
  const { name, status, fences } = outcome.value;
  const [first] = fences;
  const ofFirst: Fields =
    first === undefined
      ? {}
      : { timestamp: first.timestampNs, driver: first.driver, object: first.timeline };
  return gaveFields({ name, status, fences: fences.length, ...ofFirst });
}
