import { type IbUverbsWc, ib_uverbs_wc } from '../../uapi/headers/rdma/ib-user-verbs.ts';
import type { Completion } from '../contract-verbs.ts';
import { opcodeWord, statusWord } from './words.ts';

/** enum ib_wc_flags. Source: include/rdma/ib_verbs.h */
const WC_GRH = 1;
const WC_WITH_IMM = 2;
const WC_WITH_INVALIDATE = 4;

/** The raw members of struct ib_uverbs_wc that a completion is made of. */
export interface RawCompletion {
  readonly id: bigint;
  readonly status: number;
  readonly opcode: number;
  readonly vendorError: number;
  readonly length: number;
  /** As a little-endian word: immediate data lies there big-endian. */
  readonly extra: number;
  readonly qpn: number;
  readonly sourceQpn: number;
  readonly flags: number;
}

export function completionOf(raw: RawCompletion): Completion {
  const hasImmediate = (raw.flags & WC_WITH_IMM) !== 0;
  return {
    id: raw.id,
    status: statusWord(raw.status),
    opcode: raw.status === 0 ? opcodeWord(raw.opcode) : '',
    length: raw.length,
    qpn: raw.qpn,
    sourceQpn: raw.sourceQpn,
    immediate: hasImmediate ? swapped32(raw.extra) : 0,
    invalidatedRkey: (raw.flags & WC_WITH_INVALIDATE) === 0 ? 0 : raw.extra,
    hasImmediate,
    hasGrh: (raw.flags & WC_GRH) !== 0,
    vendorError: raw.vendorError,
  };
}

export function decodeWc(bytes: Buffer): Completion {
  const wc: IbUverbsWc = ib_uverbs_wc.decode(bytes);
  return completionOf({
    id: wc.wr_id,
    status: wc.status,
    opcode: wc.opcode,
    vendorError: wc.vendor_err,
    length: wc.byte_len,
    extra: wc.ex.invalidate_rkey,
    qpn: wc.qp_num,
    sourceQpn: wc.src_qp,
    flags: wc.wc_flags,
  });
}

/** A word with its bytes the other way round. */
export function swapped32(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
