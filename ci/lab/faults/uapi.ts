import { command, s32, u32 } from '../../../uapi/fields.ts';
import { Struct } from '../../../uapi/layout.ts';

/** By hand, since this is no header of the kernel: module/uapi_faults.h. */

export type FaultsDo = { what: number; arg: number; fd: number; pad: number };
export const faults_do = new Struct<FaultsDo>({
  name: 'faults_do',
  size: 16,
  size32: 16,
  fields: () => [u32('what', 0), u32('arg', 4), s32('fd', 8), u32('pad', 12)],
});

export const FAULTS_DO = command<FaultsDo>(
  'FAULTS_DO',
  0xc010fa00,
  0xc010fa00,
  'struct faults_do',
  faults_do,
);

/** enum faults_what */
export const WHAT = {
  NOTHING: 0,
  SLEEP: 1,
  SLEEP_UNINTERRUPTIBLE: 2,
  RELEASE: 3,
  WARN: 4,
  REFCOUNT: 5,
  LEAK_FD: 6,
  DMABUF: 7,
  LEAK_DMABUF: 8,
  LATE: 9,
  OOPS: 10,
  PANIC: 11,
  LOG: 12,
  STALL: 13,
  STALL_LOGGING: 14,
  LEAK_MODULE: 15,
} as const;
