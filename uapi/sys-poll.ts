import koffi from 'koffi';
import { beginCall, endCall } from './call-log.ts';
import type { Errno } from './errno.ts';
import { fdTarget } from './error.ts';
import { libc, mustSucceed, type SysResult } from './sys-call.ts';

const rawPoll: (fds: Uint8Array, count: number, timeoutMs: number) => number = libc.func(
  'int poll(void *fds, unsigned long count, int timeout)',
);

/** Bytes of struct pollfd: int fd, short events, short revents. */
const POLLFD_BYTES = 8;

export interface PollFd {
  readonly fd: number;
  /** POLLIN, POLLOUT … */
  readonly events: number;
}

export interface PollResult extends SysResult {
  /** What happened to each fd, in the order given. */
  readonly revents: readonly number[];
}

/**
 * poll(2). ret is the number of fds with events, 0 after the timeout. EINTR is not restarted, so
 * that JavaScript signal handlers get to run.
 *
 * @param timeoutMs rounded up; -1 waits for ever
 */
export function tryPoll(fds: readonly PollFd[], timeoutMs: number): PollResult {
  const wholeMs = Math.ceil(timeoutMs);
  const bytes = Buffer.alloc(Math.max(1, fds.length) * POLLFD_BYTES);
  for (const [i, { fd, events }] of fds.entries()) {
    bytes.writeInt32LE(fd, i * POLLFD_BYTES);
    bytes.writeUInt16LE(events, i * POLLFD_BYTES + 4);
  }
  const slot = beginCall('poll', fds[0]?.fd ?? -1, [fds.length, wholeMs], bytes);
  const ret = rawPoll(bytes, fds.length, wholeMs);
  const errno: Errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno, bytes);
  const revents = fds.map((_, i) => bytes.readUInt16LE(i * POLLFD_BYTES + 6));
  return { ret, errno, revents };
}

/** poll(2): the events of each fd; all 0 after the timeout. */
export function poll(fds: readonly PollFd[], timeoutMs: number): readonly number[] {
  const result = tryPoll(fds, timeoutMs);
  const argument = () => fds.map(({ fd }) => fdTarget(fd)).join(' ');
  mustSucceed(result, { call: 'poll', argument });
  return result.revents;
}
