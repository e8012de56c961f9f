import koffi from 'koffi';
import { beginCall, endCall } from './call-log.ts';
import { mustSucceed, type SysResult } from './sys-call.ts';
import { rawSyscall } from './sys-raw.ts';

/** Other processes by pidfd. Signals go through process.kill(). */

// Numbers from 424 on are the same on all architectures.
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;

/** pidfd_open(2), Linux 5.3. The fd polls readable when the process ends. */
export function tryPidfdOpen(pid: number, flags = 0): SysResult {
  const slot = beginCall('pidfd_open', -1, [pid, flags]);
  const ret = rawSyscall(SYS_PIDFD_OPEN, pid, flags, 0);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** pidfd_open(2): the fd. */
export function pidfdOpen(pid: number, flags = 0): number {
  return mustSucceed(tryPidfdOpen(pid, flags), {
    call: 'pidfd_open',
    argument: () => `pid=${pid}`,
  });
}

/** pidfd_getfd(2), Linux 5.6: a copy, close-on-exec, of an fd of a process that may be traced. */
export function tryPidfdGetfd(pidfd: number, targetFd: number, flags = 0): SysResult {
  const slot = beginCall('pidfd_getfd', pidfd, [targetFd, flags]);
  const ret = rawSyscall(SYS_PIDFD_GETFD, pidfd, targetFd, flags);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** pidfd_getfd(2): the copy. */
export function pidfdGetfd(pidfd: number, targetFd: number, flags = 0): number {
  const argument = () => `fd ${targetFd} of the process`;
  return mustSucceed(tryPidfdGetfd(pidfd, targetFd, flags), {
    call: 'pidfd_getfd',
    fd: pidfd,
    argument,
  });
}
