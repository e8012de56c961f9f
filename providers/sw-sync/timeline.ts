import { outcomeOf } from '../../uapi/call-outcome.ts';
import { closeDeviceFile } from '../../uapi/device-file.ts';
import {
  SW_SYNC_GET_DEADLINE,
  SW_SYNC_IOC_CREATE_FENCE,
  SW_SYNC_IOC_INC,
  sw_sync_create_fence_data,
  sw_sync_get_deadline,
} from '../../uapi/headers/linux/sw-sync.ts';
import { tryIoctl } from '../../uapi/ioctl.ts';
import type { SysResult } from '../../uapi/sys-call.ts';
import type { Outcome, Session } from '../contract.ts';

/** Each open file is a timeline of its own, which begins at 0. Source: sw_sync_debugfs_open() */
export function createSession(fd: number): Session {
  return {
    fd,
    makeFence: (value) => makeFence(fd, value),
    advance: (count) => advance(fd, count),
    close: () => closeDeviceFile(fd),
  };
}

/** Source: drivers/dma-buf/sw_sync.c, sw_sync_ioctl_create_fence() */
export function makeFence(fd: number, value: number): Outcome<number> {
  const arg = sw_sync_create_fence_data.make({ value, name: 'uapi-conform', fence: -1 });
  const { errno } = tryIoctl(fd, SW_SYNC_IOC_CREATE_FENCE, arg);
  if (errno !== 0) return { ok: false, errno, call: SW_SYNC_IOC_CREATE_FENCE.name };
  return { ok: true, value: sw_sync_create_fence_data.get(arg, 'fence') };
}

/** Source: sw_sync_ioctl_inc() */
function advance(fd: number, count: number): Outcome<undefined> {
  const arg = Buffer.alloc(SW_SYNC_IOC_INC.size);
  arg.writeUInt32LE(count);
  return outcomeOf(tryIoctl(fd, SW_SYNC_IOC_INC, arg), SW_SYNC_IOC_INC.name);
}

/** Source: sw_sync_ioctl_get_deadline() */
export function tryDeadline(fd: number, fence: number): SysResult {
  return tryIoctl(fd, SW_SYNC_GET_DEADLINE, sw_sync_get_deadline.make({ fence_fd: fence }));
}
