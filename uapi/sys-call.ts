import koffi from 'koffi';
import type { Errno } from './errno.ts';
import { fdTarget, UapiError } from './error.ts';

/** The C library that is already in the process: glibc or musl, found without a file name. */
export const libc = koffi.load(null);

/** What a system call answered. */
export interface SysResult {
  /** The return value, -1 on failure. */
  readonly ret: number;
  /** 0 on success. */
  readonly errno: Errno;
}

/** A call that gives more than a number: the value, or why not. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errno: Errno };

/** Where in a throwing form the failure is put into words. */
export interface CallText {
  readonly call: string;
  readonly fd?: number;
  /** One line; made only on failure. */
  readonly argument: () => string;
}

function throwFailure(text: CallText, errno: Errno): never {
  throw new UapiError({
    command: text.call,
    errno,
    argument: text.argument(),
    device: text.fd === undefined ? undefined : fdTarget(text.fd),
  });
}

/** The return value of a call that must not fail; throws UapiError if it did. */
export function mustSucceed({ ret, errno }: SysResult, text: CallText): number {
  if (errno !== 0) throwFailure(text, errno);
  return ret;
}

/** The value of an outcome that must not be a failure; throws UapiError if it is. */
export function mustGive<T>(outcome: Outcome<T>, text: CallText): T {
  if (!outcome.ok) throwFailure(text, outcome.errno);
  return outcome.value;
}

/** A value for a signed 64-bit parameter; what does not fit wraps, as it does in C. */
export function toInt64(value: number | bigint): bigint {
  return BigInt.asIntN(64, BigInt(value));
}

/** A value for a size_t or an address; -1 becomes all ones, as it does in C. */
export function toUint64(value: number | bigint): bigint {
  return BigInt.asUintN(64, BigInt(value));
}

/** A string's bytes for the call log; throws on a NUL, at which C would silently end the string. */
export function cStringBytes(text: string): Uint8Array {
  if (text.includes('\0')) throw new RangeError(`${JSON.stringify(text)} contains a NUL`);
  return new TextEncoder().encode(text);
}
