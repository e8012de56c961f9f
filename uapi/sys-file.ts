import { fstatSync } from 'node:fs';
import koffi from 'koffi';
import { beginCall, endCall } from './call-log.ts';
import { O_CLOEXEC } from './constants.ts';
import { type Errno, errnoNumber } from './errno.ts';
import { libc, mustGive, mustSucceed, type Outcome, type SysResult, toInt64 } from './sys-call.ts';

/** Calls on an fd and on the file behind it. */

type Fn<A extends unknown[]> = (...args: A) => number;

const rawFcntl: Fn<[number, number, bigint]> = libc.func('int fcntl(int fd, int cmd, int64_t arg)');
const rawDup: Fn<[number]> = libc.func('int dup(int fd)');
const rawDup3: Fn<[number, number, number]> = libc.func('int dup3(int from, int to, int flags)');
const rawFtruncate: Fn<[number, bigint]> = libc.func('int ftruncate(int fd, int64_t length)');
const rawFallocate: Fn<[number, number, bigint, bigint]> = libc.func(
  'int fallocate(int fd, int mode, int64_t offset, int64_t length)',
);
const rawLseek: (fd: number, offset: bigint, whence: number) => number | bigint = libc.func(
  'int64_t lseek(int fd, int64_t offset, int whence)',
);
const rawEventfd: Fn<[number, number]> = libc.func('int eventfd(unsigned int value, int flags)');

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

/** fcntl(2) with an integer argument (not the lock commands, which take a struct). */
export function tryFcntl(fd: number, cmd: number, arg: number | bigint = 0): SysResult {
  const slot = beginCall('fcntl', fd, [cmd, arg]);
  const ret = rawFcntl(fd, cmd, toInt64(arg));
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** fcntl(2): the value asked for. */
export function fcntl(fd: number, cmd: number, arg: number | bigint = 0): number {
  const argument = () => `cmd=${cmd} arg=${hex(arg)}`;
  return mustSucceed(tryFcntl(fd, cmd, arg), { call: 'fcntl', fd, argument });
}

/** dup(2). The copy is not close-on-exec. */
export function tryDup(fd: number): SysResult {
  const slot = beginCall('dup', fd, []);
  const ret = rawDup(fd);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** dup(2): the new fd. */
export function dup(fd: number): number {
  return mustSucceed(tryDup(fd), { call: 'dup', argument: () => `fd=${fd}` });
}

/** dup3(2). */
export function tryDup3(from: number, to: number, flags = O_CLOEXEC): SysResult {
  const slot = beginCall('dup3', from, [to, flags]);
  const ret = rawDup3(from, to, flags);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** dup3(2): the new fd. */
export function dup3(from: number, to: number, flags = O_CLOEXEC): number {
  const argument = () => `fd=${from} to=${to} flags=${hex(flags)}`;
  return mustSucceed(tryDup3(from, to, flags), { call: 'dup3', argument });
}

/** ftruncate(2). */
export function tryFtruncate(fd: number, length: number | bigint): SysResult {
  const slot = beginCall('ftruncate', fd, [length]);
  const ret = rawFtruncate(fd, toInt64(length));
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** ftruncate(2). */
export function ftruncate(fd: number, length: number | bigint): void {
  const argument = () => `length=${length}`;
  mustSucceed(tryFtruncate(fd, length), { call: 'ftruncate', fd, argument });
}

/** fallocate(2); modes are FALLOC_FL_*. */
export function tryFallocate(
  fd: number,
  mode: number,
  offset: number | bigint,
  length: number | bigint,
): SysResult {
  const slot = beginCall('fallocate', fd, [mode, offset, length]);
  const ret = rawFallocate(fd, mode, toInt64(offset), toInt64(length));
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** fallocate(2). */
export function fallocate(
  fd: number,
  mode: number,
  offset: number | bigint,
  length: number | bigint,
): void {
  const argument = () => `mode=${hex(mode)} offset=${hex(offset)} length=${length}`;
  mustSucceed(tryFallocate(fd, mode, offset, length), { call: 'fallocate', fd, argument });
}

/** lseek(2); ret is the new offset. dma-bufs use SEEK_END to tell their size. */
export function tryLseek(fd: number, offset: number | bigint, whence: number): SysResult {
  const slot = beginCall('lseek', fd, [offset, whence]);
  const end = rawLseek(fd, toInt64(offset), whence);
  const errno = end < 0 ? koffi.errno() : 0;
  const ret = Number(end);
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** lseek(2): the new offset. */
export function lseek(fd: number, offset: number | bigint, whence: number): number {
  const argument = () => `offset=${offset} whence=${whence}`;
  return mustSucceed(tryLseek(fd, offset, whence), { call: 'lseek', fd, argument });
}

/** What fstat(2) tells of a file. */
export interface FileStatus {
  readonly sizeBytes: bigint;
  readonly inode: bigint;
  /** The file system; with `inode` it tells two files apart. */
  readonly device: bigint;
  /** Of a device node: its number. */
  readonly deviceNumber: bigint;
  readonly mode: number;
}

/** fstat(2), by way of Node, which knows each architecture's struct stat. Not in the call log. */
export function tryFstat(fd: number): Outcome<FileStatus> {
  try {
    const { size, ino, dev, rdev, mode } = fstatSync(fd, { bigint: true });
    const value = {
      sizeBytes: size,
      inode: ino,
      device: dev,
      deviceNumber: rdev,
      mode: Number(mode),
    };
    return { ok: true, value };
  } catch (error) {
    return { ok: false, errno: errnoOf(error) };
  }
}

/** fstat(2). */
export function fstat(fd: number): FileStatus {
  return mustGive(tryFstat(fd), { call: 'fstat', argument: () => `fd=${fd}` });
}

/** The errno of an error that Node's fs threw; any other error is passed on. */
function errnoOf(error: unknown): Errno {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const errno = typeof code === 'string' ? errnoNumber(code) : undefined;
  if (errno === undefined) throw error;
  return errno;
}

/** eventfd(2). */
export function tryEventfd(value = 0, flags = O_CLOEXEC): SysResult {
  const slot = beginCall('eventfd', -1, [value, flags]);
  const ret = rawEventfd(value, flags);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  return { ret, errno };
}

/** eventfd(2): the fd. */
export function eventfd(value = 0, flags = O_CLOEXEC): number {
  const argument = () => `value=${value} flags=${hex(flags)}`;
  return mustSucceed(tryEventfd(value, flags), { call: 'eventfd', argument });
}
