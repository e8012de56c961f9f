import { readdirSync, readFileSync } from 'node:fs';
import {
  F_GETFD,
  F_GETFL,
  FD_CLOEXEC,
  O_RDONLY,
  O_WRONLY,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  SEEK_SET,
} from '../../../uapi/constants.ts';
import { tryClose, tryRead, tryWrite } from '../../../uapi/sys.ts';
import {
  tryDup,
  tryFallocate,
  tryFcntl,
  tryFstat,
  tryFtruncate,
  tryLseek,
} from '../../../uapi/sys-file.ts';
import { tryPoll } from '../../../uapi/sys-poll.ts';
import { recvFds, sendFds, socketpair } from '../../../uapi/sys-socket.ts';
import { durationMs } from '../duration.ts';
import { descriptorOf, type Scalar, type Value } from '../values.ts';
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
import { holdDescriptor, holdSession } from './device.ts';

/** Verbs on open files of any kind: what the VFS promises of them. */

const EVENTS = { in: POLLIN, out: POLLOUT } as const;
const READY = [
  ['in', POLLIN],
  ['out', POLLOUT],
  ['err', POLLERR],
  ['hup', POLLHUP],
  ['nval', POLLNVAL],
] as const;
const WHENCE = {
  set: SEEK_SET,
  current: SEEK_CUR,
  end: SEEK_END,
  data: SEEK_DATA,
  hole: SEEK_HOLE,
} as const;
const ACCESS_MODE_BITS = 3;

export function poll(args: Arguments<'poll'>, context: PointContext): VerbResult {
  const events = args.events.reduce((bits, event) => bits | EVENTS[event], 0);
  const fd = fdOf(args.fd, context);
  const { errno, revents } = tryPoll([{ fd, events }], durationMs(args.timeout ?? '0ms'));
  if (errno !== 0) return refused({ errno, call: 'poll' });
  const bits = revents[0] ?? 0;
  const ready = READY.filter(([, bit]) => (bits & bit) !== 0).map(([name]) => name);
  return gaveFields({ ready: ready.length === 0 ? 'none' : ready.join('+') });
}

export function seek(args: Arguments<'seek'>, context: PointContext): VerbResult {
  const offset = context.scope.size(args.offset);
  const { ret, errno } = tryLseek(fdOf(args.fd, context), offset, WHENCE[args.whence]);
  return errno === 0 ? gaveFields({ offset: ret }) : refused({ errno, call: 'lseek' });
}

export function stat(args: Arguments<'stat'>, context: PointContext): VerbResult {
  const outcome = tryFstat(fdOf(args.fd, context));
  if (!outcome.ok) return refused({ errno: outcome.errno, call: 'fstat' });
  const { sizeBytes, inode, device, deviceNumber } = outcome.value;
  return gaveFields({ size: sizeBytes, inode, device, number: deviceNumber });
}

export function fdFlags(args: Arguments<'fdFlags'>, context: PointContext): VerbResult {
  const fd = fdOf(args.fd, context);
  const descriptor = tryFcntl(fd, F_GETFD);
  if (descriptor.errno !== 0) return refused({ errno: descriptor.errno, call: 'fcntl F_GETFD' });
  const file = tryFcntl(fd, F_GETFL);
  if (file.errno !== 0) return refused({ errno: file.errno, call: 'fcntl F_GETFL' });
  const mode = file.ret & ACCESS_MODE_BITS;
  const access = mode === O_RDONLY ? 'read' : mode === O_WRONLY ? 'write' : 'read-write';
  return gaveFields({ closeOnExec: (descriptor.ret & FD_CLOEXEC) !== 0, access });
}

/** Lines of `key: value`; keys in camelCase, numbers as numbers. */
export function fdInfo(args: Arguments<'fdInfo'>, context: PointContext): VerbResult {
  const text = readFileSync(`/proc/self/fdinfo/${fdOf(args.fd, context)}`, 'utf8');
  const fields: Record<string, Scalar> = {};
  for (const line of text.split('\n')) {
    const [, key, value] = /^([^:]+):\s*(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    fields[camelCase(key)] = /^\d+$/.test(value) ? Number(value) : value;
  }
  return gaveFields(fields);
}

function camelCase(key: string): string {
  return key.trim().replace(/[-_ ]+(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** A second descriptor of the same open file, as the same kind of value. */
export function dup(args: Arguments<'dup'>, context: PointContext): VerbResult {
  const value = context.scope.resolve(args.what);
  const { ret, errno } = tryDup(descriptorOf(value));
  return errno === 0 ? gave(sameKind(value, ret, context)) : refused({ errno, call: 'dup' });
}

/** Through a socket pair and back: SCM_RIGHTS. */
export function pass(args: Arguments<'pass'>, context: PointContext): VerbResult {
  const value = context.scope.resolve(args.what);
  const [near, far] = socketpair();
  try {
    sendFds(near, new Uint8Array(1), [descriptorOf(value)]);
    const [fd] = recvFds(far, 1, 1).fds;
    if (fd === undefined)
      return { kind: 'mismatch', expected: 'a descriptor', actual: 'none came' };
    return gave(sameKind(value, fd, context));
  } finally {
    tryClose(near);
    tryClose(far);
  }
}

function sameKind(value: Value | Scalar, fd: number, context: PointContext): Value {
  if (typeof value !== 'object') return holdDescriptor(context, 'descriptor', fd);
  if (value.kind === 'session') {
    const session = value.provider.adopt(value.device, fd);
    const duplicateOf = value.duplicateOf ?? value;
    return holdSession(context, { ...value, session, closed: false, duplicateOf });
  }
  const known = ['dmabuf', 'sync-file', 'memory'] as const;
  const kind = known.find((name) => name === value.kind) ?? 'descriptor';
  return holdDescriptor(context, kind, fd);
}

export function readFd(args: Arguments<'readFd'>, context: PointContext): VerbResult {
  const bytes = Buffer.alloc(Number(context.scope.size(args.length)));
  const { ret, errno } = tryRead(fdOf(args.fd, context), bytes);
  if (errno !== 0) return refused({ errno, call: 'read' });
  return gaveFields({ count: ret, bytes: [...bytes.subarray(0, Number(ret))] });
}

export function writeFd(args: Arguments<'writeFd'>, context: PointContext): VerbResult {
  const bytes = Buffer.alloc(Number(context.scope.size(args.length)));
  const { ret, errno } = tryWrite(fdOf(args.fd, context), bytes);
  return errno === 0 ? gaveFields({ count: ret }) : refused({ errno, call: 'write' });
}

export function truncate(args: Arguments<'truncate'>, context: PointContext): VerbResult {
  const size = context.scope.size(args.size);
  return finished(tryFtruncate(fdOf(args.fd, context), size), 'ftruncate');
}

export function allocateFd(args: Arguments<'allocateFd'>, context: PointContext): VerbResult {
  const size = context.scope.size(args.size);
  return finished(tryFallocate(fdOf(args.fd, context), 0, 0, size), 'fallocate');
}

/** Counted without the descriptor that reading the directory takes. */
export function openFds(): VerbResult {
  return gaveFields({ count: readdirSync('/proc/self/fd').length - 1 });
}

/** An ordinary open file, for calls that must refuse anything but their own kind. */
export function pipe(_args: Arguments<'pipe'>, context: PointContext): VerbResult {
  const [near, far] = socketpair();
  tryClose(far);
  return gave(holdDescriptor(context, 'descriptor', near));
}
