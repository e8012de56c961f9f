import type { Errno } from './errno.ts';
import type { SysResult } from './sys-call.ts';

/** The kernel's answer: the value, or the errno and the call that gave it. */
export type CallOutcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errno: Errno; readonly call: string };

/** The outcome of a call that gives nothing but success. */
export function outcomeOf(result: SysResult, call: string): CallOutcome<undefined> {
  if (result.errno !== 0) return { ok: false, errno: result.errno, call };
  return { ok: true, value: undefined };
}

/** The outcome of a call whose return value is what was asked for: a descriptor. */
export function returned(result: SysResult, call: string): CallOutcome<number> {
  if (result.errno !== 0) return { ok: false, errno: result.errno, call };
  return { ok: true, value: result.ret };
}
