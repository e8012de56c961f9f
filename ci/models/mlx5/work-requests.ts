import * as h from './headers/ifc.ts';
import type { Data } from './keyed-memory.ts';
import { type Span, spanAt } from './memory-keys.ts';
import type { QueuePair } from './queue-pairs.ts';
import { DATA_BYTES } from './receives.ts';
import type { PostedSend } from './send-ring.ts';

/**
 * Requests, as their segments say. Source: include/linux/mlx5/qp.h, struct mlx5_wqe_…_seg;
 * drivers/infiniband/hw/mlx5/wr.c writes them.
 */
const CONTROL = { bytes: 16, opcode: 3, flags: 11, extra: 12 } as const;
const XRC_BYTES = 16;
const REMOTE = { bytes: 16, key: 8 } as const;
const ATOMIC = { bytes: 16, compare: 8 } as const;
const AV = { bytes: 48, shortBytes: 16, qkey: 0, qpn: 8, level: 12, lid: 14 } as const;
const AV_GLOBAL = { trafficClass: 26, hopLimit: 27, flow: 28, gid: 32 } as const;
/** Of QPs with stateless offloads: struct mlx5_wqe_eth_pad and mlx5_wqe_eth_seg */
const OFFLOAD_BYTES = 32;
/** struct mlx5_wqe_inline_seg: the data follow, and fill a whole number of pieces. */
const INLINE = { bytes: 4, flag: 0x8000_0000, length: 0x3ff } as const;

/** MLX5_EXTENDED_UD_AV */
const IS_EXTENDED = 0x8000_0000;
/** Of `flow`. Source: ah.c, create_ib_ah() */
const HAS_GLOBAL = 0x4000_0000;
/** A queue key with it stands for the sender's own, as in IB (C10-15). */
export const OWN_QKEY = 0x8000_0000;

/** Where a datagram goes to. */
export interface Address {
  readonly qkey: number;
  readonly qpn: number;
  readonly lid: number;
  readonly serviceLevel: number;
  /** Absent where there is no global header. */
  readonly global: GlobalAddress | undefined;
}

export interface GlobalAddress {
  readonly gid: Buffer;
  readonly hopLimit: number;
  /** Version, traffic class and flow label, as the header has them. */
  readonly flow: number;
}

export type Work =
  | { readonly kind: 'nothing' }
  | {
      readonly kind: 'send';
      readonly data: readonly Data[];
      readonly immediate?: number;
      readonly invalidate?: number;
      readonly to?: Address;
    }
  | {
      readonly kind: 'write';
      readonly data: readonly Data[];
      readonly remote: Omit<Span, 'length'>;
      readonly immediate?: number;
    }
  | {
      readonly kind: 'read';
      readonly local: readonly Span[];
      readonly remote: Omit<Span, 'length'>;
    }
  | {
      readonly kind: 'atomic';
      readonly local: readonly Span[];
      readonly remote: Omit<Span, 'length'>;
      /** Absent for a sum. */
      readonly compare: bigint | undefined;
      readonly value: bigint;
    }
  /** A change of a memory key; the rest of the request says which. */
  | { readonly kind: 'change'; readonly key: number; readonly body: Buffer };

/** What all requests say. */
export interface Control {
  readonly index: number;
  readonly blocks: number;
  readonly opcode: number;
  readonly wantsCompletion: boolean;
  readonly isSolicited: boolean;
}

/** A request to carry out. */
export interface SendRequest extends Control {
  /** Of XRC: whose receives it takes. */
  readonly srqn: number;
  /** Undefined for what such a QP does not do. */
  readonly work: Work | undefined;
  /** Of its faults the one whose pages the driver could not bring. */
  readonly deniedFault?: number | undefined;
}

/** What the first segment says, whatever the queue. */
export function controlOf({ index, blocks, wqe }: PostedSend): Control {
  const flags = wqe.readUInt8(CONTROL.flags);
  return {
    index,
    blocks,
    opcode: wqe.readUInt8(CONTROL.opcode),
    wantsCompletion: (flags & h.MLX5_WQE_CTRL_CQ_UPDATE) !== 0,
    isSolicited: (flags & h.MLX5_WQE_CTRL_SOLICITED) !== 0,
  };
}

/** The other segments. */
export function bodyOf({ wqe }: PostedSend): Buffer {
  return wqe.subarray(CONTROL.bytes);
}

export function requestOf(qp: QueuePair, posted: PostedSend): SendRequest {
  const control = controlOf(posted);
  const { opcode } = control;
  const isXrc = qp.type === h.MLX5_QPC_ST_XRC;
  const body = bodyOf(posted);
  return {
    ...control,
    srqn: isXrc && body.length >= 4 ? body.readUInt32BE(0) : 0,
    work: isAllowed(qp, opcode)
      ? workOf(qp, opcode, posted.wqe.readUInt32BE(CONTROL.extra), body)
      : undefined,
  };
}

const SENDS = [h.MLX5_OPCODE_NOP, h.MLX5_OPCODE_SEND, h.MLX5_OPCODE_SEND_IMM];
const WRITES = [h.MLX5_OPCODE_RDMA_WRITE, h.MLX5_OPCODE_RDMA_WRITE_IMM];
const UNRELIABLE = [...SENDS, ...WRITES, h.MLX5_OPCODE_SEND_INVAL, h.MLX5_OPCODE_UMR];

/** As in IB (table 36), by the type of the QP. */
function isAllowed({ isDatagram, isForKeys, type }: QueuePair, opcode: number): boolean {
  if (isDatagram) return SENDS.includes(opcode);
  if (type === h.MLX5_QPC_ST_UC) return UNRELIABLE.includes(opcode);
  if (isForKeys) return opcode === h.MLX5_OPCODE_UMR;
  return true;
}

/** Undefined where the segments are not all there. */
function workOf(qp: QueuePair, opcode: number, extra: number, body: Buffer): Work | undefined {
  if (opcode === h.MLX5_OPCODE_NOP) return { kind: 'nothing' };
  if (opcode === h.MLX5_OPCODE_UMR) return { kind: 'change', key: extra, body };
  const rest = qp.type === h.MLX5_QPC_ST_XRC ? body.subarray(XRC_BYTES) : body;
  if (qp.isDatagram) return datagram(qp, opcode, extra, rest);
  switch (opcode) {
    case h.MLX5_OPCODE_SEND:
      return send(rest);
    case h.MLX5_OPCODE_SEND_IMM:
      return send(rest, { immediate: extra });
    case h.MLX5_OPCODE_SEND_INVAL:
      return send(rest, { invalidate: extra });
    default:
      return rest.length < REMOTE.bytes ? undefined : remoteWork(opcode, extra, rest);
  }
}

type Send = Extract<Work, { kind: 'send' }>;

function send(body: Buffer, more: Pick<Send, 'immediate' | 'invalidate' | 'to'> = {}) {
  const data = dataIn(body);
  return data === undefined ? undefined : ({ kind: 'send', data, ...more } as const);
}

function datagram(qp: QueuePair, opcode: number, extra: number, body: Buffer): Work | undefined {
  if (body.length < AV.shortBytes) return undefined;
  const isLong = (body.readUInt32BE(AV.qpn) & IS_EXTENDED) !== 0;
  const bytes = isLong ? AV.bytes : AV.shortBytes;
  if (body.length < bytes) return undefined;
  const skip = qp.get('ulp_stateless_offload_mode') === 0 ? 0 : OFFLOAD_BYTES;
  const to = addressIn(body, isLong);
  const rest = body.subarray(bytes + skip);
  return send(rest, opcode === h.MLX5_OPCODE_SEND_IMM ? { to, immediate: extra } : { to });
}

function addressIn(body: Buffer, isLong: boolean): Address {
  const flow = isLong ? body.readUInt32BE(AV_GLOBAL.flow) : 0;
  const version = 6 * 2 ** 28;
  return {
    qkey: body.readUInt32BE(AV.qkey),
    qpn: body.readUInt32BE(AV.qpn) & 0xff_ffff,
    lid: body.readUInt16BE(AV.lid),
    serviceLevel: body.readUInt8(AV.level) & 0xf,
    global:
      (flow & HAS_GLOBAL) === 0
        ? undefined
        : {
            gid: Buffer.from(body.subarray(AV_GLOBAL.gid, AV.bytes)),
            hopLimit: body.readUInt8(AV_GLOBAL.hopLimit),
            flow: version + body.readUInt8(AV_GLOBAL.trafficClass) * 2 ** 20 + (flow & 0xf_ffff),
          },
  };
}

function remoteWork(opcode: number, extra: number, body: Buffer): Work | undefined {
  const remote = { address: body.readBigUInt64BE(0), key: body.readUInt32BE(REMOTE.key) };
  const rest = body.subarray(REMOTE.bytes);
  if (opcode === h.MLX5_OPCODE_ATOMIC_CS || opcode === h.MLX5_OPCODE_ATOMIC_FA) {
    const local = rest.length < ATOMIC.bytes ? undefined : spansOf(rest.subarray(ATOMIC.bytes));
    if (local === undefined) return undefined;
    const isSwap = opcode === h.MLX5_OPCODE_ATOMIC_CS;
    const compare = isSwap ? rest.readBigUInt64BE(ATOMIC.compare) : undefined;
    return { kind: 'atomic', local, remote, compare, value: rest.readBigUInt64BE(0) };
  }
  if (opcode === h.MLX5_OPCODE_RDMA_READ) {
    const local = spansOf(rest);
    return local === undefined ? undefined : { kind: 'read', local, remote };
  }
  const data = dataIn(rest);
  if (data === undefined || !WRITES.includes(opcode)) return undefined;
  const isPlain = opcode === h.MLX5_OPCODE_RDMA_WRITE;
  return { kind: 'write', data, remote, ...(!isPlain && { immediate: extra }) };
}

/** Pieces of memory and data that are in the request, in any order. */
export function dataIn(body: Buffer): readonly Data[] | undefined {
  const data: Data[] = [];
  for (let at = 0; at < body.length; ) {
    const word = body.readUInt32BE(at);
    if ((word & INLINE.flag) === 0) {
      data.push(spanAt(body, at));
      at += DATA_BYTES;
      continue;
    }
    const end = at + INLINE.bytes + (word & INLINE.length);
    if (end > body.length) return undefined;
    data.push(body.subarray(at + INLINE.bytes, end));
    at = Math.ceil(end / DATA_BYTES) * DATA_BYTES;
  }
  return data;
}

/** Pieces alone: nothing is read into a request. */
function spansOf(body: Buffer): readonly Span[] | undefined {
  const data = dataIn(body);
  const spans = data?.filter((one): one is Span => !Buffer.isBuffer(one));
  return spans?.length === data?.length ? spans : undefined;
}

export function lengthOf(data: readonly Data[]): number {
  return data.reduce((sum, one) => sum + one.length, 0);
}
