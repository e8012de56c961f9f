import koffi from 'koffi';
import { beginCall, callLog, endCall, NOT_LOGGED } from './call-log.ts';
import type { CommandLike, Transcript } from './call-record.ts';
import { formatBytes } from './format-bytes.ts';
import { cStringBytes, libc, mustSucceed, type SysResult, toInt64, toUint64 } from './sys-call.ts';

/**
 * Opening, closing, reading and writing, in two forms: `tryX` gives the errno as data, `x` throws
 * UapiError. Nothing here restarts on EINTR. Calls on fds and their files are in sys-file.ts,
 * memory in sys-memory.ts, poll in sys-poll.ts, sockets in sys-socket.ts, pidfds in sys-process.ts.
 */

/** Where read and write work: all of an array's bytes, or an address that may be a bad one. */
export type Memory = Uint8Array | bigint | null;

type Fn<A extends unknown[]> = (...args: A) => number;

const rawOpen: Fn<[string, number, number]> = libc.func(
  'int open(const char *path, int flags, unsigned int mode)',
);
const rawSyscallOpenat2: Fn<[number, number, string, Uint8Array, number]> = libc.func(
  'long syscall(long number, long dirfd, const char *path, void *how, size_t size)',
);
const rawClose: Fn<[number]> = libc.func('int close(int fd)');
const rawRead: Fn<[number, Memory, bigint]> = libc.func('long read(int fd, void *buf, size_t n)');
const rawWrite: Fn<[number, Memory, bigint]> = libc.func('long write(int fd, void *buf, size_t n)');
const rawPread: Fn<[number, Memory, bigint, bigint]> = libc.func(
  'long pread(int fd, void *buf, size_t n, int64_t offset)',
);
const rawPwrite: Fn<[number, Memory, bigint, bigint]> = libc.func(
  'long pwrite(int fd, void *buf, size_t n, int64_t offset)',
);

/** Since Linux 5.6; the number is the same on all architectures. */
const SYS_OPENAT2 = 437;

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
const lengthOf = (buf: Memory): number => (buf instanceof Uint8Array ? buf.length : 0);
const memoryText = (buf: Memory): string =>
  buf instanceof Uint8Array ? formatBytes(buf) : `at ${buf === null ? 'NULL' : hex(buf)}`;

/** open(2). Paths are given as they are; O_CLOEXEC is the caller's to set. */
export function tryOpen(path: string, flags: number, mode = 0): SysResult {
  const slot = beginCall('open', -1, [flags, mode], cStringBytes(path));
  const ret = rawOpen(path, flags, mode);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** open(2): the fd. */
export function open(path: string, flags: number, mode = 0): number {
  const argument = () => `${path} flags=${hex(flags)}`;
  return mustSucceed(tryOpen(path, flags, mode), { call: 'open', argument });
}

/** The members of struct open_how. */
export interface OpenHow {
  readonly flags: number | bigint;
  readonly mode?: number | bigint;
  readonly resolve?: number | bigint;
}

/** openat2(2), Linux 5.6: refuses unknown flags, which open(2) ignores. */
export function tryOpenat2(dirfd: number, path: string, how: OpenHow): SysResult {
  const bytes = Buffer.alloc(24);
  bytes.writeBigUInt64LE(toUint64(how.flags), 0);
  bytes.writeBigUInt64LE(toUint64(how.mode ?? 0), 8);
  bytes.writeBigUInt64LE(toUint64(how.resolve ?? 0), 16);
  const slot = beginCall('openat2', dirfd, [], cStringBytes(path));
  const ret = rawSyscallOpenat2(SYS_OPENAT2, dirfd, path, bytes, bytes.length);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno, bytes);
  return { ret, errno };
}

/** openat2(2): the fd. */
export function openat2(dirfd: number, path: string, how: OpenHow): number {
  const argument = () => `${path} flags=${hex(how.flags)} resolve=${hex(how.resolve ?? 0)}`;
  return mustSucceed(tryOpenat2(dirfd, path, how), { call: 'openat2', argument });
}

/** close(2). The fd is gone whatever it answers, EBADF aside. */
export function tryClose(fd: number): SysResult {
  const slot = beginCall('close', fd, []);
  const ret = rawClose(fd);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** close(2). */
export function close(fd: number): void {
  mustSucceed(tryClose(fd), { call: 'close', argument: () => `fd=${fd}` });
}

/** read(2) of up to `length` bytes; ret is the number that came. */
export function tryRead(fd: number, buf: Memory, length = lengthOf(buf)): SysResult {
  const slot = beginCall('read', fd, [length]);
  const ret = rawRead(fd, buf, toUint64(length));
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno, ret > 0 && buf instanceof Uint8Array ? buf.subarray(0, ret) : null);
  return { ret, errno };
}

/** read(2): the number of bytes that came, which may be fewer than asked for. */
export function read(fd: number, buf: Memory, length = lengthOf(buf)): number {
  const argument = () => `${length} bytes`;
  return mustSucceed(tryRead(fd, buf, length), { call: 'read', fd, argument });
}

/** write(2); ret is the number of bytes taken. */
export function tryWrite(fd: number, buf: Memory, length = lengthOf(buf)): SysResult {
  const slot = beginCall('write', fd, [length], buf);
  const ret = rawWrite(fd, buf, toUint64(length));
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** How a write that is a command stands in the call log. */
export interface LoggedCommand {
  readonly command: CommandLike;
  readonly transcript: Transcript;
}

/** write(2) to an interface that takes commands by it, logged by the command's name. */
export function tryWriteLogged(fd: number, bytes: Uint8Array, as: LoggedCommand): SysResult {
  const log = callLog();
  const slot = log?.begin(as.command, 0, fd, as.transcript.input()) ?? NOT_LOGGED;
  const ret = rawWrite(fd, bytes, toUint64(bytes.length));
  const errno = ret < 0 ? koffi.errno() : 0;
  if (slot !== NOT_LOGGED) endCall(slot, ret, errno, as.transcript.output(errno));
  return { ret, errno };
}

/** write(2): the number of bytes taken. */
export function write(fd: number, buf: Memory, length = lengthOf(buf)): number {
  const argument = () => memoryText(buf);
  return mustSucceed(tryWrite(fd, buf, length), { call: 'write', fd, argument });
}

/** pread(2). */
export function tryPread(
  fd: number,
  buf: Memory,
  offset: number | bigint,
  length = lengthOf(buf),
): SysResult {
  const slot = beginCall('pread', fd, [length, offset]);
  const ret = rawPread(fd, buf, toUint64(length), toInt64(offset));
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno, ret > 0 && buf instanceof Uint8Array ? buf.subarray(0, ret) : null);
  return { ret, errno };
}

/** pread(2): the number of bytes that came. */
export function pread(fd: number, buf: Memory, offset: number | bigint): number {
  const argument = () => `${lengthOf(buf)} bytes offset=${hex(offset)}`;
  return mustSucceed(tryPread(fd, buf, offset), { call: 'pread', fd, argument });
}

/** pwrite(2). */
export function tryPwrite(
  fd: number,
  buf: Memory,
  offset: number | bigint,
  length = lengthOf(buf),
): SysResult {
  const slot = beginCall('pwrite', fd, [length, offset], buf);
  const ret = rawPwrite(fd, buf, toUint64(length), toInt64(offset));
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** pwrite(2): the number of bytes taken. */
export function pwrite(fd: number, buf: Memory, offset: number | bigint): number {
  const argument = () => `${memoryText(buf)} offset=${hex(offset)}`;
  return mustSucceed(tryPwrite(fd, buf, offset), { call: 'pwrite', fd, argument });
}
