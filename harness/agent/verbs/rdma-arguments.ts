import type { Abi, BooleanOrParameter, RdmaAccess, Size } from '../../../cases/types.gen.ts';
import type { AccessBits, How } from '../../../providers/contract-verbs.ts';
import {
  IB_UVERBS_ACCESS_FLUSH_GLOBAL,
  IB_UVERBS_ACCESS_FLUSH_PERSISTENT,
  IB_UVERBS_ACCESS_HUGETLB,
  IB_UVERBS_ACCESS_LOCAL_WRITE,
  IB_UVERBS_ACCESS_MW_BIND,
  IB_UVERBS_ACCESS_ON_DEMAND,
  IB_UVERBS_ACCESS_RELAXED_ORDERING,
  IB_UVERBS_ACCESS_REMOTE_ATOMIC,
  IB_UVERBS_ACCESS_REMOTE_READ,
  IB_UVERBS_ACCESS_REMOTE_WRITE,
  IB_UVERBS_ACCESS_ZERO_BASED,
} from '../../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import type { Scope } from '../scope.ts';
import { CaseDefect, type Scalar } from '../values.ts';

/** The arguments of RDMA steps: numbers, words and rights, each of which may be a reference. */

const ACCESS: Readonly<Record<string, AccessBits>> = {
  none: 0,
  'local-write': IB_UVERBS_ACCESS_LOCAL_WRITE,
  'remote-write': IB_UVERBS_ACCESS_REMOTE_WRITE,
  'remote-read': IB_UVERBS_ACCESS_REMOTE_READ,
  'remote-atomic': IB_UVERBS_ACCESS_REMOTE_ATOMIC,
  'mw-bind': IB_UVERBS_ACCESS_MW_BIND,
  'zero-based': IB_UVERBS_ACCESS_ZERO_BASED,
  'on-demand': IB_UVERBS_ACCESS_ON_DEMAND,
  hugetlb: IB_UVERBS_ACCESS_HUGETLB,
  'flush-global': IB_UVERBS_ACCESS_FLUSH_GLOBAL,
  'flush-persistent': IB_UVERBS_ACCESS_FLUSH_PERSISTENT,
  'relaxed-ordering': IB_UVERBS_ACCESS_RELAXED_ORDERING,
};

/** Rights as bits of enum ib_uverbs_access_flags: names in a list or joined with `+`, or a number. */
export function accessBits(access: RdmaAccess, scope: Scope): AccessBits {
  return bitsOf(ACCESS, access, 'right', scope);
}

/**
 * Names in a list or joined with `+`, or the bits as a number; also behind a reference.
 *
 * @param what the names are, for the message about one that is not known
 */
export function bitsOf(
  table: Readonly<Record<string, number>>,
  bits: string | number | readonly string[],
  what: string,
  scope: Scope,
): number {
  if (typeof bits === 'object') return namedBits(table, bits, what);
  const text = String(scope.scalar(bits));
  return /^\d/.test(text) ? Number(text) : namedBits(table, text.split('+'), what);
}

function namedBits(
  table: Readonly<Record<string, number>>,
  names: readonly string[],
  what: string,
): number {
  let bits = 0;
  for (const name of names) {
    const bit = table[name];
    if (bit === undefined) {
      throw new CaseDefect(`${name} is no ${what}: ${Object.keys(table).join(', ')}`);
    }
    bits |= bit;
  }
  return bits >>> 0;
}

/** One of a few words, also behind a reference. */
export function wordOf<const W extends string>(text: string, words: readonly W[], scope: Scope): W {
  const value = scope.scalar(text);
  const word = words.find((one) => one === value);
  if (word !== undefined) return word;
  throw new CaseDefect(`${String(value)} is none of ${words.join(', ')}`);
}

/** Absent stays absent, so that defaults are the provider's. */
export function numberOf(size: Size, scope: Scope): number;
export function numberOf(size: Size | undefined, scope: Scope): number | undefined;
export function numberOf(size: Size | undefined, scope: Scope): number | undefined {
  return size === undefined ? undefined : Number(scope.size(size));
}

export function bigintOf(size: Size | undefined, scope: Scope): bigint | undefined {
  return size === undefined ? undefined : scope.size(size);
}

export function flagOf(flag: BooleanOrParameter | undefined, scope: Scope): boolean | undefined {
  if (flag === undefined) return undefined;
  const value: Scalar = scope.scalar(flag);
  if (typeof value === 'boolean') return value;
  throw new CaseDefect(`${String(value)} is neither true nor false`);
}

const ABIS = ['ioctl', 'write', 'invoke'] as const;

/** The form of the interface that a step asks for. */
export function howOf(args: { readonly abi?: Abi }, scope: Scope): How {
  return args.abi === undefined ? {} : { abi: wordOf(args.abi, ABIS, scope) };
}

type Optional<T> = { [K in keyof T]: undefined extends T[K] ? K : never }[keyof T];
type Present<T> = { [K in Exclude<keyof T, Optional<T>>]: T[K] } & {
  [K in Optional<T>]?: Exclude<T[K], undefined>;
};

/** Without the keys whose value is undefined: to a verb, an absent key is a default. */
export function present<T extends object>(fields: T): Present<T> {
  const given: Partial<T> = {};
  for (const key in fields) if (fields[key] !== undefined) given[key] = fields[key];
  return given as Present<T>;
}
