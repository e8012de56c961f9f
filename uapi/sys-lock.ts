import koffi from 'koffi';
import { beginCall, endCall } from './call-log.ts';
import { libc, type SysResult } from './sys-call.ts';

/** Operations of flock(2). Source: include/uapi/asm-generic/fcntl.h */
export const LOCK_EX = 2;
export const LOCK_NB = 4;

const rawFlock: (fd: number, operation: number) => number = libc.func(
  'int flock(int fd, int operation)',
);

/** flock(2): EWOULDBLOCK (EAGAIN) with LOCK_NB where another open file description has the lock. */
export function tryFlock(fd: number, operation: number): SysResult {
  const slot = beginCall('flock', fd, [operation]);
  const ret = rawFlock(fd, operation);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}
