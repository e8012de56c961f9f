import type { Completion } from '../driver.ts';
import * as io from './io-defs.ts';

/** Entries of a completion queue. Source: drivers/infiniband/hw/efa/efa_io_defs.h, efa_io_cdesc_common */

const AT = {
  request: io.efa_io_cdesc_common.field('req_id').offset,
  status: io.efa_io_cdesc_common.field('status').offset,
  flags: io.efa_io_cdesc_common.field('flags').offset,
  qpn: io.efa_io_cdesc_common.field('qp_num').offset,
  length: io.efa_io_rx_cdesc.field('length').offset,
  sourceQpn: io.efa_io_rx_cdesc.field('src_qp_num').offset,
  immediate: io.efa_io_rx_cdesc.field('imm').offset,
  lengthHigh: io.efa_io_rx_cdesc_ex.field('u.rdma_write.length_hi').offset,
};

/** By enum efa_io_comp_status, in words of verbs; `vendorError` has the number. */
const STATUS: Readonly<Record<number, string>> = {
  [io.EFA_IO_COMP_STATUS_OK]: 'success',
  [io.EFA_IO_COMP_STATUS_FLUSHED]: 'flushed',
  [io.EFA_IO_COMP_STATUS_LOCAL_ERROR_QP_INTERNAL_ERROR]: 'local-qp-operation-error',
  [io.EFA_IO_COMP_STATUS_LOCAL_ERROR_UNSUPPORTED_OP]: 'local-qp-operation-error',
  [io.EFA_IO_COMP_STATUS_LOCAL_ERROR_INVALID_AH]: 'local-qp-operation-error',
  [io.EFA_IO_COMP_STATUS_LOCAL_ERROR_INVALID_LKEY]: 'local-protection-error',
  [io.EFA_IO_COMP_STATUS_LOCAL_ERROR_BAD_LENGTH]: 'local-length-error',
  [io.EFA_IO_COMP_STATUS_REMOTE_ERROR_ABORT]: 'remote-aborted-error',
  [io.EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_DEST_QPN]: 'remote-invalid-rd-request',
  [io.EFA_IO_COMP_STATUS_REMOTE_ERROR_RNR]: 'rnr-retry-exceeded',
  [io.EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_LENGTH]: 'remote-invalid-request-error',
  [io.EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_STATUS]: 'bad-response-error',
  [io.EFA_IO_COMP_STATUS_LOCAL_ERROR_UNRESP_REMOTE]: 'response-timeout-error',
};

const SENT: Readonly<Record<number, string>> = {
  [io.EFA_IO_SEND]: 'send',
  [io.EFA_IO_RDMA_READ]: 'rdma-read',
  [io.EFA_IO_RDMA_WRITE]: 'rdma-write',
};

/** A field of the flags, from its lowest bit. */
function part(flags: number, mask: number): number {
  return (flags & mask) / (mask & -mask);
}

/** Whether an entry, whose first word this is, was written in this round. */
export function isNew(firstWord: number, phase: number): boolean {
  const flags = (firstWord >>> (8 * AT.flags)) & 0xff;
  return part(flags, io.EFA_IO_CDESC_COMMON_PHASE_MASK) === phase;
}

/** Which request an entry completes. */
export function queueOf(entry: Buffer) {
  const flags = entry.readUInt8(AT.flags);
  return {
    qpn: entry.readUInt16LE(AT.qpn),
    isSend: part(flags, io.EFA_IO_CDESC_COMMON_Q_TYPE_MASK) === io.EFA_IO_SEND_QUEUE,
    request: entry.readUInt16LE(AT.request),
    isUnsolicited: part(flags, io.EFA_IO_CDESC_COMMON_UNSOLICITED_MASK) === 1,
  };
}

/** @param id the request, as it was posted */
export function decodeCompletion(entry: Buffer, id: bigint): Completion {
  const flags = entry.readUInt8(AT.flags);
  const { qpn, isSend } = queueOf(entry);
  const status = entry.readUInt8(AT.status);
  const operation = part(flags, io.EFA_IO_CDESC_COMMON_OP_TYPE_MASK);
  const isWrite = operation === io.EFA_IO_RDMA_WRITE;
  const received = isWrite ? 'receive-rdma-immediate' : 'receive';
  const opcode = isSend ? (SENT[operation] ?? `operation ${operation}`) : received;
  const hasImmediate = part(flags, io.EFA_IO_CDESC_COMMON_HAS_IMM_MASK) === 1;
  const lengthHigh = isWrite ? entry.readUInt16LE(AT.lengthHigh) : 0;
  return {
    id,
    status: STATUS[status] ?? 'general-error',
    opcode: status === 0 ? opcode : '',
    length: isSend ? 0 : lengthHigh * 0x10000 + entry.readUInt16LE(AT.length),
    qpn,
    sourceQpn: isSend ? 0 : entry.readUInt16LE(AT.sourceQpn),
    immediate: hasImmediate ? entry.readUInt32LE(AT.immediate) : 0,
    invalidatedRkey: 0,
    hasImmediate,
    hasGrh: false,
    vendorError: status,
  };
}
