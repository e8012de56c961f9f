import koffi from 'koffi';
import { callLog, endCall, NOT_LOGGED } from './call-log.ts';
import type { CommandLike, Transcript } from './call-record.ts';
import { compatIoctl } from './compat.ts';
import { E, type Errno } from './errno.ts';
import { fdTarget, UapiError } from './error.ts';
import { asBuffer, formatBytes } from './format-bytes.ts';
import { libc, type SysResult } from './sys-call.ts';

/** A struct's bytes, an address, or NULL. */
export type IoctlArgument = Uint8Array | bigint | null;

export interface IoctlOptions {
  /** Start again after EINTR and EAGAIN, without bound, as libdrm does. Default true. */
  readonly restart?: boolean;
  /** The device's address for error messages; what the fd names if absent. */
  readonly device?: string;
  /** What the log keeps in place of the argument. */
  readonly transcript?: Transcript;
  /** Memory that the argument leads to, and that nobody uses after the call: else it may be collected before. */
  readonly pointees?: readonly Uint8Array[];
  /** As a 32-bit program, see compat.ts: then the argument is an address below 4 GiB, or null. */
  readonly entry?: 'compat' | undefined;
}

type IoctlFunction = (fd: number, request: number, arg: IoctlArgument) => number;
const rawIoctl: IoctlFunction = libc.func('int ioctl(int fd, unsigned long request, void *arg)');

function entryOf({ entry }: IoctlOptions): IoctlFunction {
  return entry === 'compat' ? throughCompat : rawIoctl;
}

function throughCompat(fd: number, request: number, arg: IoctlArgument): number {
  if (arg instanceof Uint8Array) throw new Error('a 32-bit call needs memory below 4 GiB');
  return compatIoctl(fd, request, arg);
}

const defaults: IoctlOptions = {};

/** Of the call in flight: the engine keeps what is reached from here, as it does not for an address. */
const inFlight: { pointees: IoctlOptions['pointees'] } = { pointees: undefined };

/** Shared, because a new object for the commonest answer shows in ci/bench/ioctl.ts. */
const SUCCESS: SysResult = { ret: 0, errno: 0 };

/**
 * ioctl(2). Never throws on errno: an expected EINVAL is data.
 *
 * EINTR and EAGAIN start the call again unless `restart` is false; a command that answers EAGAIN
 * for as long as its state lasts then never returns, so cases that expect one must switch it off.
 * A bare number is logged as 'ioctl'.
 */
export function tryIoctl(
  fd: number,
  command: CommandLike | number,
  arg: IoctlArgument,
  options: IoctlOptions = defaults,
): SysResult {
  const bare = typeof command === 'number';
  const request = bare ? command : command.request;
  const log = callLog();
  const { transcript } = options;
  const slot =
    log === undefined
      ? NOT_LOGGED
      : log.begin(bare ? 'ioctl' : command, request, fd, transcript?.input() ?? arg);
  inFlight.pointees = options.pointees;
  const ret = entryOf(options)(fd, request, arg);
  if (ret < 0) return failed(koffi.errno(), slot, { fd, request, arg, options });
  inFlight.pointees = undefined;
  if (log !== undefined) log.end(slot, ret, 0, transcript?.output(0) ?? arg);
  return ret === 0 ? SUCCESS : { ret, errno: 0 };
}

interface FailedCall {
  readonly fd: number;
  readonly request: number;
  readonly arg: IoctlArgument;
  readonly options: IoctlOptions;
}

/** Starts a failed call again where that is wanted, and completes its log entry. */
function failed(firstErrno: Errno, slot: number, call: FailedCall): SysResult {
  const { fd, request, arg, options } = call;
  let ret = -1;
  let errno = firstErrno;
  let restarts = 0;
  while ((errno === E.EINTR || errno === E.EAGAIN) && options.restart !== false) {
    restarts++;
    ret = entryOf(options)(fd, request, arg);
    errno = ret < 0 ? koffi.errno() : 0;
  }
  inFlight.pointees = undefined;
  if (slot !== NOT_LOGGED) {
    endCall(slot, ret, errno, options.transcript?.output(errno) ?? arg, restarts);
  }
  return { ret, errno };
}

/** ioctl(2) where failure is a surprise: returns what it returned, or throws UapiError. */
export function ioctl(
  fd: number,
  command: CommandLike | number,
  arg: IoctlArgument,
  options: IoctlOptions = defaults,
): number {
  const { ret, errno } = tryIoctl(fd, command, arg, options);
  if (ret >= 0) return ret;
  throw new UapiError({
    command: typeof command === 'number' ? `ioctl 0x${command.toString(16)}` : command.name,
    errno,
    argument: describeArgument(command, arg),
    device: options.device ?? fdTarget(fd),
  });
}

/** The argument as it is after the call, since DRM copies back also on failure. */
function describeArgument(command: CommandLike | number, arg: IoctlArgument): string {
  if (arg === null) return 'NULL';
  if (typeof arg === 'bigint') return `at 0x${arg.toString(16)}`;
  const struct = typeof command === 'number' ? undefined : command.struct;
  return struct === undefined ? formatBytes(arg) : struct.format(asBuffer(arg));
}
