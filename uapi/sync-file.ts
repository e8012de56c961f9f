import koffi from 'koffi';
import {
  SYNC_IOC_FILE_INFO,
  SYNC_IOC_MERGE,
  SYNC_IOC_SET_DEADLINE,
  sync_fence_info,
  sync_file_info,
  sync_merge_data,
  sync_set_deadline,
} from './headers/linux/sync-file.ts';
import { tryIoctl } from './ioctl.ts';
import type { Outcome, SysResult } from './sys-call.ts';

/** Calls on a sync_file descriptor. Source: drivers/dma-buf/sync_file.c */

/** A sync_file that signals when both have; the value is its descriptor. */
export function tryMerge(fd: number, other: number, name: string): Outcome<number> {
  const arg = sync_merge_data.make({ name, fd2: other, fence: -1 });
  const { errno } = tryIoctl(fd, SYNC_IOC_MERGE, arg);
  if (errno !== 0) return { ok: false, errno };
  return { ok: true, value: sync_merge_data.get(arg, 'fence') };
}

/** One fence of a sync_file. `status`: 1 signalled, 0 active, a negative errno after an error. */
export interface FenceInfo {
  readonly timeline: string;
  readonly driver: string;
  readonly status: number;
  /** CLOCK_MONOTONIC; 0 while active. */
  readonly timestampNs: bigint;
}

export interface SyncFileInfo {
  readonly name: string;
  readonly status: number;
  readonly fences: readonly FenceInfo[];
}

/** SYNC_IOC_FILE_INFO twice, as sync_file.h asks: first for the number of fences, then for them. */
export function tryFileInfo(fd: number): Outcome<SyncFileInfo> {
  const head = sync_file_info.make();
  const counted = tryIoctl(fd, SYNC_IOC_FILE_INFO, head);
  if (counted.errno !== 0) return { ok: false, errno: counted.errno };
  const count = sync_file_info.get(head, 'num_fences');
  const array = Buffer.alloc(Math.max(1, count) * sync_fence_info.size);
  sync_file_info.set(head, 'sync_fence_info', koffi.address(array));
  const filled = tryIoctl(fd, SYNC_IOC_FILE_INFO, head);
  if (filled.errno !== 0) return { ok: false, errno: filled.errno };
  const fences = Array.from({ length: sync_file_info.get(head, 'num_fences') }, (_, index) =>
    fenceAt(array, index),
  );
  const { name, status } = sync_file_info.decode(head);
  return { ok: true, value: { name, status, fences } };
}

function fenceAt(array: Buffer, index: number): FenceInfo {
  const start = index * sync_fence_info.size;
  const fence = sync_fence_info.decode(array.subarray(start, start + sync_fence_info.size));
  return {
    timeline: fence.obj_name,
    driver: fence.driver_name,
    status: fence.status,
    timestampNs: fence.timestamp_ns,
  };
}

/** A hint when the waiter needs the result, CLOCK_MONOTONIC. Since Linux 6.6; ENOTTY before. */
export function trySetDeadline(fd: number, deadlineNs: bigint): SysResult {
  const arg = sync_set_deadline.make({ deadline_ns: deadlineNs });
  return tryIoctl(fd, SYNC_IOC_SET_DEADLINE, arg);
}
