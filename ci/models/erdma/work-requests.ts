import { isSet, part, widePart } from '../bits.ts';
import { POINTER_BYTES, pointersIn } from '../page-list.ts';
import {
  ERDMA_OP_ATOMIC_CAS,
  ERDMA_OP_ATOMIC_FAA,
  ERDMA_OP_LOCAL_INV,
  ERDMA_OP_READ,
  ERDMA_OP_READ_WITH_INV,
  ERDMA_OP_RECEIVE,
  ERDMA_OP_RECV_INV,
  ERDMA_OP_REG_MR,
  ERDMA_OP_RSP_SEND_IMM,
  ERDMA_OP_SEND,
  ERDMA_OP_SEND_WITH_IMM,
  ERDMA_OP_SEND_WITH_INV,
  ERDMA_OP_WRITE,
  ERDMA_OP_WRITE_WITH_IMM,
  ERDMA_SQE_HDR_CE_MASK,
  ERDMA_SQE_HDR_INLINE_MASK,
  ERDMA_SQE_HDR_OPCODE_MASK,
  ERDMA_SQE_HDR_QPN_MASK,
  ERDMA_SQE_HDR_SE_MASK,
  ERDMA_SQE_HDR_SGL_LEN_MASK,
  ERDMA_SQE_HDR_WQEBB_CNT_MASK,
  ERDMA_SQE_MR_ACCESS_MASK,
  ERDMA_SQE_MR_MTT_CNT_MASK,
  ERDMA_SQE_MR_MTT_TYPE_MASK,
  type ErdmaSge,
  erdma_atomic_sqe,
  erdma_readreq_sqe,
  erdma_reg_mr_sqe,
  erdma_send_sqe_rc,
  erdma_send_sqe_ud,
  erdma_sge,
  erdma_write_sqe,
} from './headers/erdma-hw.ts';
import type { Payload, Span } from './keyed-memory.ts';
import { LIMITS } from './limits.ts';
import type { QueuePair } from './objects.ts';

export const MAX_BLOCKS = 4;

/** What all requests begin with. */
export interface RequestHead {
  readonly blocks: number;
  readonly qpn: number;
  readonly opcode: number;
  readonly isInline: boolean;
  readonly isSolicited: boolean;
  /** A completion also where all went well. */
  readonly wantsCompletion: boolean;
  /** Bytes of inline data, else buffers. */
  readonly count: number;
}

/** What a request asks for; the names of its kinds are IB's. */
export type Work =
  | {
      readonly kind: 'send';
      readonly payload: Payload;
      readonly immediate: number | undefined;
      readonly invalidate: number | undefined;
      /** Of a datagram. */
      readonly to: { readonly ah: number; readonly qpn: number; readonly qkey: number };
    }
  | {
      readonly kind: 'write';
      readonly payload: Payload;
      readonly immediate: number | undefined;
      readonly remote: { readonly key: number; readonly address: bigint };
    }
  | {
      readonly kind: 'read';
      readonly local: Span;
      readonly remote: Span;
      readonly invalidate: number | undefined;
    }
  | {
      readonly kind: 'atomic';
      readonly local: Span;
      readonly remote: Span;
      /** Undefined: add; else swap only where memory has this. */
      readonly compare: bigint | undefined;
      readonly value: bigint;
    }
  | {
      readonly kind: 'register';
      readonly key: number;
      readonly address: bigint;
      readonly length: number;
      readonly rights: number;
      /** Undefined: as many as that are in the region's own list. */
      readonly pages: readonly bigint[] | undefined;
      readonly count: number;
    }
  | { readonly kind: 'invalidate'; readonly key: number };

export function parseHead(word: bigint): RequestHead {
  return {
    blocks: widePart(word, ERDMA_SQE_HDR_WQEBB_CNT_MASK) + 1,
    qpn: widePart(word, ERDMA_SQE_HDR_QPN_MASK),
    opcode: widePart(word, ERDMA_SQE_HDR_OPCODE_MASK),
    isInline: isSet(word, ERDMA_SQE_HDR_INLINE_MASK),
    isSolicited: isSet(word, ERDMA_SQE_HDR_SE_MASK),
    wantsCompletion: isSet(word, ERDMA_SQE_HDR_CE_MASK),
    count: widePart(word, ERDMA_SQE_HDR_SGL_LEN_MASK),
  };
}

const spanOf = ({ addr, length, key }: ErdmaSge): Span => ({ address: addr, length, key });

/**
 * One request; undefined where it is malformed. Source: erdma_qp.c, erdma_push_one_sqe(). Immediate data is
 * in the other byte order, as the kernel has it in memory.
 */
export function parseWork(qp: QueuePair, head: RequestHead, wqe: Buffer): Work | undefined {
  if (head.qpn !== qp.number) return undefined;
  if (qp.isDatagram) return parseDatagram(head, wqe);
  switch (head.opcode) {
    case ERDMA_OP_SEND:
    case ERDMA_OP_SEND_WITH_IMM:
    case ERDMA_OP_SEND_WITH_INV:
      return parseSend(head, wqe);
    case ERDMA_OP_WRITE:
    case ERDMA_OP_WRITE_WITH_IMM:
      return parseWrite(head, wqe);
    case ERDMA_OP_READ:
    case ERDMA_OP_READ_WITH_INV:
      return parseRead(head, wqe);
    case ERDMA_OP_ATOMIC_CAS:
    case ERDMA_OP_ATOMIC_FAA:
      return parseAtomic(head, wqe);
    case ERDMA_OP_REG_MR:
      return parseRegister(wqe);
    case ERDMA_OP_LOCAL_INV:
      return { kind: 'invalidate', key: erdma_reg_mr_sqe.get(wqe, 'stag') };
    default:
      return undefined;
  }
}

/** What follows the fixed part, which must be as long as the request says. */
function payloadOf({ isInline, count }: RequestHead, wqe: Buffer, at: number, length: number) {
  if (isInline) {
    const isFitting = count === length && count <= LIMITS.inlineBytes && at + count <= wqe.length;
    return isFitting ? Buffer.from(wqe.subarray(at, at + count)) : undefined;
  }
  if (count > LIMITS.maxSendSges || at + count * erdma_sge.size > wqe.length) return undefined;
  const spans = Array.from({ length: count }, (_, i) => spanAt(wqe, at + i * erdma_sge.size));
  const total = lengthOf(spans);
  return total === length && total <= LIMITS.maxMessageBytes ? spans : undefined;
}

const spanAt = (wqe: Buffer, at: number): Span =>
  spanOf(erdma_sge.decode(wqe.subarray(at, at + erdma_sge.size)));

const lengthOf = (spans: readonly Span[]): number =>
  spans.reduce((all, { length }) => all + length, 0);

const NOBODY = { ah: 0, qpn: 0, qkey: 0 };

function parseSend(head: RequestHead, wqe: Buffer): Work | undefined {
  const length = erdma_send_sqe_rc.get(wqe, 'length');
  const payload = payloadOf(head, wqe, erdma_send_sqe_rc.size, length);
  if (payload === undefined) return undefined;
  const at = erdma_send_sqe_rc.field('imm_data').offset;
  const immediate = head.opcode === ERDMA_OP_SEND_WITH_IMM ? wqe.readUInt32BE(at) : undefined;
  const invalidate = head.opcode === ERDMA_OP_SEND_WITH_INV ? wqe.readUInt32LE(at) : undefined;
  return { kind: 'send', payload, immediate, invalidate, to: NOBODY };
}

function parseDatagram(head: RequestHead, wqe: Buffer): Work | undefined {
  const isImmediate = head.opcode === ERDMA_OP_SEND_WITH_IMM;
  if (!isImmediate && head.opcode !== ERDMA_OP_SEND) return undefined;
  const { size } = erdma_send_sqe_ud;
  if (wqe.length < size) return undefined;
  const { length, qkey, dst_qpn: qpn, ahn: ah } = erdma_send_sqe_ud.decode(wqe);
  const payload = payloadOf(head, wqe, size, length);
  if (payload === undefined) return undefined;
  const at = erdma_send_sqe_ud.field('imm_data').offset;
  const immediate = isImmediate ? wqe.readUInt32BE(at) : undefined;
  return { kind: 'send', payload, immediate, invalidate: undefined, to: { ah, qpn, qkey } };
}

const addressOf = ({ sink_to_h: high, sink_to_l: low }: { sink_to_h: number; sink_to_l: number }) =>
  (BigInt(high) << 32n) | BigInt(low);

function parseWrite(head: RequestHead, wqe: Buffer): Work | undefined {
  const fields = erdma_write_sqe.decode(wqe);
  const payload = payloadOf(head, wqe, erdma_write_sqe.size, fields.length);
  if (payload === undefined) return undefined;
  const at = erdma_write_sqe.field('imm_data').offset;
  const immediate = head.opcode === ERDMA_OP_WRITE_WITH_IMM ? wqe.readUInt32BE(at) : undefined;
  const remote = { key: fields.sink_stag, address: addressOf(fields) };
  return { kind: 'write', payload, immediate, remote };
}

/** The sink is here, the source in the next block; its length there is not looked at. */
function parseRead(head: RequestHead, wqe: Buffer): Work | undefined {
  const { size } = erdma_readreq_sqe;
  if (wqe.length < size + erdma_sge.size) return undefined;
  const fields = erdma_readreq_sqe.decode(wqe);
  const { length, sink_stag: key, invalid_stag } = fields;
  if (length > LIMITS.maxMessageBytes) return undefined;
  const invalidate = head.opcode === ERDMA_OP_READ_WITH_INV ? invalid_stag : undefined;
  const local = { key, address: addressOf(fields), length };
  return { kind: 'read', local, remote: { ...spanAt(wqe, size), length }, invalidate };
}

const ATOMIC_BYTES = 8;

/** The driver gives the remote part no length. */
function parseAtomic(head: RequestHead, wqe: Buffer): Work | undefined {
  if (wqe.length < erdma_atomic_sqe.size) return undefined;
  const { fetchadd_swap_data: value, cmp_data, remote, sgl } = erdma_atomic_sqe.decode(wqe);
  if (sgl.length !== ATOMIC_BYTES) return undefined;
  const compare = head.opcode === ERDMA_OP_ATOMIC_CAS ? cmp_data : undefined;
  const target = { ...spanOf(remote), length: ATOMIC_BYTES };
  return { kind: 'atomic', local: spanOf(sgl), remote: target, compare, value };
}

const MAX_INLINE_PAGES = 4;

function parseRegister(wqe: Buffer): Work | undefined {
  const { addr: address, length, stag: key, attrs } = erdma_reg_mr_sqe.decode(wqe);
  const count = part(attrs, ERDMA_SQE_MR_MTT_CNT_MASK);
  const isInline = part(attrs, ERDMA_SQE_MR_MTT_TYPE_MASK) === 0;
  const start = erdma_reg_mr_sqe.size;
  const list = wqe.subarray(start, start + count * POINTER_BYTES);
  const isWhole = list.length === count * POINTER_BYTES;
  if (isInline && (count > MAX_INLINE_PAGES || !isWhole)) return undefined;
  const pages = isInline ? pointersIn(list) : undefined;
  const rights = part(attrs, ERDMA_SQE_MR_ACCESS_MASK);
  return { kind: 'register', key, address, length, rights, pages, count };
}

type Send = Extract<Work, { kind: 'send' }>;

/** What the completion of a receive says that a send was. */
export function receiveOpcodeOf({ immediate, invalidate }: Send): number {
  if (invalidate !== undefined) return ERDMA_OP_RECV_INV;
  return immediate === undefined ? ERDMA_OP_RECEIVE : ERDMA_OP_RSP_SEND_IMM;
}

/** How much a request moves, as its completion says: a guess for what the sender knows itself. */
export function bytesOf(work: Work): number {
  switch (work.kind) {
    case 'send':
    case 'write':
      return Buffer.isBuffer(work.payload) ? work.payload.length : lengthOf(work.payload);
    case 'read':
    case 'atomic':
      return work.local.length;
    default:
      return 0;
  }
}
