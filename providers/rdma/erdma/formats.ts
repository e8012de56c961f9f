/**
 * What the device reads and writes in the queues, which no uAPI header has.
 * Source: drivers/infiniband/hw/erdma/erdma_hw.h; erdma_qp.c and erdma_cq.c use it so.
 */

/** Sends lie in blocks of this size, from one to four each; receives and completions are of one size. */
export const BLOCK_BYTES = 32;
export const MOST_BLOCKS = 4;
export const RQE_BYTES = 32;
export const CQE_BYTES = 32;

/** The first 64 bits of a send (ERDMA_SQE_HDR_*). The send doorbell has its QP and its index too. */
export const SQE_HEADER = {
  /** Of the block behind it. */
  index: [0, 16],
  signaled: [22, 1],
  solicited: [23, 1],
  fence: [24, 1],
  inline: [25, 1],
  opcode: [27, 5],
  qpn: [32, 20],
  /** Less one. */
  blocks: [52, 3],
  /** Pieces, or bytes of inline data. */
  count: [56, 8],
} as const;

/** enum erdma_opcode, as far as user space meets it. */
export const OPCODE = {
  write: 0,
  read: 1,
  send: 2,
  sendImmediate: 3,
  receive: 4,
  receiveWriteImmediate: 5,
  receiveInvalidate: 6,
  writeImmediate: 9,
  receiveSendImmediate: 12,
  sendInvalidate: 13,
  compareSwap: 17,
  fetchAdd: 18,
} as const;

/** Behind the header: struct erdma_send_sqe_rc, erdma_write_sqe, erdma_readreq_sqe, erdma_atomic_sqe. */
export const SQE = {
  /** Immediate data, big-endian, or the key to invalidate. */
  extra: 8,
  length: 12,
  sendData: 16,
  /** Of a write the far end, of a read the near one. */
  sinkKey: 16,
  sinkAddress: 20,
  writeData: 32,
  readSource: 32,
  /** What is added, or what is swapped in. */
  operand: 16,
  compare: 24,
  atomicRemote: 32,
  atomicLocal: 48,
} as const;

/** struct erdma_sge */
export const SGE = { address: 0, length: 8, key: 12, size: 16 } as const;

/** struct erdma_rqe; its first 64 bits are the receive doorbell. */
export const RQE = { index: 0, qpn: 4, address: 16, length: 24, key: 28 } as const;

/** struct erdma_cqe: big-endian, but for the immediate data. */
export const CQE = { header: 0, index: 4, qpn: 8, extra: 12, length: 16 } as const;

/** ERDMA_CQE_HDR_* */
export const CQE_HEADER = {
  syndrome: [0, 8],
  queue: [8, 8],
  opcode: [16, 8],
  owner: [31, 1],
} as const;

/** ERDMA_CQE_QTYPE_SQ */
export const SEND_QUEUE = 0;

/** ERDMA_CQDB_* */
export const CQ_DOORBELL = {
  consumed: [0, 24],
  /** How many events there were. */
  events: [28, 2],
  solicitedOnly: [30, 1],
  arm: [31, 1],
  cqn: [32, 24],
  /** How many armings there were. */
  armings: [56, 8],
} as const;
