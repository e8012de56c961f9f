import {
  EFA_IO_RDMA_READ,
  EFA_IO_RDMA_WRITE,
  EFA_IO_RX_DESC_LAST_MASK,
  EFA_IO_RX_DESC_LKEY_MASK,
  EFA_IO_SEND,
  EFA_IO_TX_BUF_DESC_LKEY_MASK,
  EFA_IO_TX_DESC_INLINE_MAX_SIZE,
  EFA_IO_TX_DESC_NUM_BUFS,
  EFA_IO_TX_DESC_NUM_RDMA_BUFS,
  EFA_IO_TX_META_DESC_COMP_REQ_MASK,
  EFA_IO_TX_META_DESC_FIRST_MASK,
  EFA_IO_TX_META_DESC_HAS_IMM_MASK,
  EFA_IO_TX_META_DESC_INLINE_MSG_MASK,
  EFA_IO_TX_META_DESC_LAST_MASK,
  EFA_IO_TX_META_DESC_META_DESC_MASK,
  EFA_IO_TX_META_DESC_META_EXTENSION_MASK,
  EFA_IO_TX_META_DESC_OP_TYPE_MASK,
  type EfaIoTxBufDesc,
  efa_io_rx_desc,
  efa_io_tx_wqe,
} from '../../../providers/rdma/efa/io-defs.ts';

/** Memory as a work request names it. */
export interface Span {
  readonly key: number;
  readonly address: bigint;
  readonly length: number;
}

export interface SendRequest {
  readonly requestId: number;
  readonly operation: number;
  /** A completion also where all went well. */
  readonly wantsCompletion: boolean;
  readonly immediate: number | undefined;
  readonly destination: { readonly qpn: number; readonly ah: number; readonly qkey: number };
  /** Data that is in the request itself. */
  readonly inlineData: Buffer | undefined;
  readonly buffers: readonly Span[];
  /** Of RDMA operations. */
  readonly remote: Span;
}

/** What is wrong with a request whatever it is meant to do. */
export type SendFault = 'malformed' | 'unsupported' | 'too-long';

export type ParsedSend = { readonly request: SendRequest; readonly fault: SendFault | undefined };

function spanOf({ length, lkey, buf_addr_lo: low, buf_addr_hi: high }: EfaIoTxBufDesc): Span {
  const key = lkey & EFA_IO_TX_BUF_DESC_LKEY_MASK;
  return { key, length, address: (BigInt(high) << 32n) | BigInt(low) };
}

const MUST_BE_SET = EFA_IO_TX_META_DESC_FIRST_MASK | EFA_IO_TX_META_DESC_LAST_MASK;

/** One entry of a send queue. Source: rdma-core, providers/efa/verbs.c, and the header's comments */
export function parseSend(wqe: Buffer): ParsedSend {
  const { meta, data } = efa_io_tx_wqe.decode(wqe);
  const { ctrl1, ctrl2, length } = meta;
  const operation = ctrl1 & EFA_IO_TX_META_DESC_OP_TYPE_MASK;
  const isInline = (ctrl1 & EFA_IO_TX_META_DESC_INLINE_MSG_MASK) !== 0;
  const isRdma = operation === EFA_IO_RDMA_READ || operation === EFA_IO_RDMA_WRITE;
  const most = isRdma ? EFA_IO_TX_DESC_NUM_RDMA_BUFS : EFA_IO_TX_DESC_NUM_BUFS;
  const spans = isRdma ? data.rdma_req.local_mem : data.sgl;
  const { remote_mem: remote } = data.rdma_req;
  const request = {
    requestId: meta.req_id,
    operation,
    wantsCompletion: (ctrl2 & EFA_IO_TX_META_DESC_COMP_REQ_MASK) !== 0,
    immediate: (ctrl1 & EFA_IO_TX_META_DESC_HAS_IMM_MASK) === 0 ? undefined : meta.immediate_data,
    destination: { qpn: meta.dest_qp_num, ah: meta.ah, qkey: meta.qkey },
    inlineData: isInline ? Buffer.from(data.inline_data.slice(0, length)) : undefined,
    buffers: isInline ? [] : spans.slice(0, Math.min(length, most)).map(spanOf),
    remote: { ...spanOf({ ...remote, lkey: 0 }), key: remote.rkey },
  };
  const isMarked =
    (ctrl1 & EFA_IO_TX_META_DESC_META_DESC_MASK) !== 0 && (ctrl2 & MUST_BE_SET) === MUST_BE_SET;
  const isExtended = (ctrl1 & EFA_IO_TX_META_DESC_META_EXTENSION_MASK) !== 0;
  if (!isMarked || isExtended) return { request, fault: 'malformed' };
  const isKnown = isRdma || operation === EFA_IO_SEND;
  if (!isKnown || (isRdma && isInline)) return { request, fault: 'unsupported' };
  const limit = isInline ? EFA_IO_TX_DESC_INLINE_MAX_SIZE : most;
  return { request, fault: length > limit ? 'too-long' : undefined };
}

export interface ReceiveDescriptor {
  readonly requestId: number;
  readonly span: Span;
  readonly isLast: boolean;
}

/** One entry of a receive queue: a request is those from a first to a last one. */
export function parseReceive(descriptor: Buffer): ReceiveDescriptor {
  const fields = efa_io_rx_desc.decode(descriptor);
  const { lkey_ctrl: control, length, buf_addr_lo: low, buf_addr_hi: high } = fields;
  const address = (BigInt(high) << 32n) | BigInt(low);
  return {
    requestId: fields.req_id,
    span: { key: control & EFA_IO_RX_DESC_LKEY_MASK, address, length },
    isLast: (control & EFA_IO_RX_DESC_LAST_MASK) !== 0,
  };
}
