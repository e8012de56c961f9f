import {
  IB_UVERBS_ACCESS_LOCAL_WRITE,
  IB_UVERBS_ACCESS_REMOTE_ATOMIC,
  IB_UVERBS_ACCESS_REMOTE_READ,
  IB_UVERBS_ACCESS_REMOTE_WRITE,
  IB_UVERBS_ACCESS_ZERO_BASED,
} from '../../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import type { SendRequest } from '../driver.ts';
import {
  KEY,
  KEY_CHANGE,
  KEY_CHANGE_FLAG,
  KEY_FREE,
  KEY_MASK,
  KEY_RIGHT,
  SEGMENT,
} from './formats.ts';
import { writePiece } from './pieces.ts';

/**
 * Memory windows are bound, and keys are invalidated, by a change of the memory key (UMR): the mask says
 * what changes, and a window's one translation comes along.
 * Source: rdma-core, providers/mlx5/qp.c, set_bind_wr(); wr.c, set_linv_umr_seg() is the kernel's own
 */

type Bind = NonNullable<SendRequest['bind']>;

/** A translation has 31 bits for its length, as all pieces. */
export const MOST_WINDOW = 0x7fff_ffffn;

/** Lengths of translations count in pieces of 16 bytes, and there are four. */
const ONE_TRANSLATION = SEGMENT.translationRoom / 16;
/** Of a key that any QP may use. */
const ANY_QP = 0xffffff;

const BOUND_MASK =
  KEY_MASK.length |
  KEY_MASK.start |
  KEY_MASK.localWrite |
  KEY_MASK.remoteRead |
  KEY_MASK.remoteWrite |
  KEY_MASK.atomic;

/** The key that a request changes; the control segment names it. */
export function changedKey({ bind, invalidateRkey = 0 }: SendRequest): number {
  return bind === undefined ? invalidateRkey : Number(bind.mw.fields['rkey'] ?? 0);
}

/** A window of no bytes is one that is not bound. @returns where it ends */
export function writeKeyChange(
  wqe: Buffer,
  at: number,
  { opcode, bind }: SendRequest,
  qpn: number,
): number {
  const isBind = opcode === 'bind-mw' && bind !== undefined && bind.length > 0n;
  return isBind ? writeBind(wqe, at, bind, qpn) : writeFree(wqe, at, bind);
}

function isOfQp(bind: Bind | undefined): boolean {
  return bind === undefined || Number(bind.mw.fields['type']) === 2;
}

function writeFree(wqe: Buffer, at: number, bind: Bind | undefined): number {
  writeChange(wqe, at, {
    flags: isOfQp(bind) ? KEY_CHANGE_FLAG.ofThisQp : 0,
    mask: isOfQp(bind) ? KEY_MASK.qpn : 0n,
    translations: 0,
  });
  const key = at + SEGMENT.keyChange;
  wqe.writeUInt8(KEY_FREE, key + KEY.status);
  writeOwner(wqe, key, ANY_QP, bind?.newRkey ?? 0);
  return key + SEGMENT.key;
}

function writeBind(wqe: Buffer, at: number, bind: Bind, qpn: number): number {
  writeChange(wqe, at, {
    flags: isOfQp(bind) ? KEY_CHANGE_FLAG.ofFree : 0,
    mask: BOUND_MASK | (isOfQp(bind) ? KEY_MASK.qpn : 0n),
    translations: ONE_TRANSLATION,
  });
  const key = at + SEGMENT.keyChange;
  const isZeroBased = (bind.access & IB_UVERBS_ACCESS_ZERO_BASED) !== 0;
  wqe.writeUInt8(rightsOf(bind.access), key + KEY.rights);
  writeOwner(wqe, key, isOfQp(bind) ? qpn : ANY_QP, bind.newRkey);
  wqe.writeBigUInt64BE(isZeroBased ? 0n : BigInt.asUintN(64, bind.address), key + KEY.start);
  wqe.writeBigUInt64BE(bind.length, key + KEY.length);
  const translation = key + SEGMENT.key;
  const lkey = Number(bind.mr.fields['lkey'] ?? 0);
  writePiece(wqe, translation, { address: bind.address, length: Number(bind.length), lkey });
  return translation + SEGMENT.translationRoom;
}

function writeChange(
  wqe: Buffer,
  at: number,
  change: { readonly flags: number; readonly mask: bigint; readonly translations: number },
): void {
  const flags = change.flags | KEY_CHANGE_FLAG.inline | KEY_CHANGE_FLAG.translationOffset;
  wqe.writeUInt8(flags, at + KEY_CHANGE.flags);
  wqe.writeUInt16BE(change.translations, at + KEY_CHANGE.translations);
  wqe.writeBigUInt64BE(change.mask | KEY_MASK.free | KEY_MASK.variant, at + KEY_CHANGE.mask);
}

/** The lowest byte of a key is the consumer's. */
function writeOwner(wqe: Buffer, key: number, qpn: number, rkey: number): void {
  wqe.writeUInt32BE(((qpn << 8) | (rkey & 0xff)) >>> 0, key + KEY.qpnVariant);
}

const RIGHTS: readonly (readonly [number, number])[] = [
  [IB_UVERBS_ACCESS_LOCAL_WRITE, KEY_RIGHT.localWrite],
  [IB_UVERBS_ACCESS_REMOTE_READ, KEY_RIGHT.remoteRead],
  [IB_UVERBS_ACCESS_REMOTE_WRITE, KEY_RIGHT.remoteWrite],
  [IB_UVERBS_ACCESS_REMOTE_ATOMIC, KEY_RIGHT.atomic],
];

function rightsOf(access: number): number {
  return RIGHTS.reduce((sum, [bit, right]) => sum | ((access & bit) === 0 ? 0 : right), 0);
}
