import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import * as h from '../../../uapi/headers/rdma/siw-abi.ts';
import type { Completion, CompletionQueue, Made } from '../driver.ts';
import { SiwRing } from './ring.ts';

const AT = {
  id: h.siw_cqe.field('id').offset,
  opcode: h.siw_cqe.field('opcode').offset,
  status: h.siw_cqe.field('status').offset,
  bytes: h.siw_cqe.field('bytes').offset,
  invalidated: h.siw_cqe.field('inval_stag').offset,
  qp: h.siw_cqe.field('qp_id').offset,
};

/** By enum siw_wc_status. Source: drivers/infiniband/sw/siw/siw_cq.c, map_cqe_status */
const STATUS = [
  'success',
  'local-length-error',
  'local-protection-error',
  'local-qp-operation-error',
  'flushed',
  'bad-response-error',
  'local-access-error',
  'remote-access-error',
  'remote-invalid-request-error',
  'general-error',
] as const;

/** Source: siw_cq.c, map_wc_opcode */
const OPCODES: Readonly<Record<number, string>> = {
  [h.SIW_OP_WRITE]: 'rdma-write',
  [h.SIW_OP_READ]: 'rdma-read',
  [h.SIW_OP_READ_LOCAL_INV]: 'rdma-read',
  [h.SIW_OP_SEND]: 'send',
  [h.SIW_OP_SEND_WITH_IMM]: 'send',
  [h.SIW_OP_SEND_REMOTE_INV]: 'send',
  [h.SIW_OP_RECEIVE]: 'receive',
};

/** Maps the queue of a new CQ; the word behind the elements says what the CQ is armed for. */
export function openCq({ fd, response }: Made<'cq'>): CallOutcome<CompletionQueue> {
  const { cq_key, num_cqe } = h.siw_uresp_create_cq.decode(response);
  const queue = { key: cq_key, entries: num_cqe, elementSize: h.siw_cqe.size };
  const opened = SiwRing.open(fd, queue, h.siw_cq_ctrl.size);
  if (!opened.ok) return opened;
  const ring = opened.value;
  const value: CompletionQueue = {
    poll: (max) => poll(ring, max),
    arm(solicitedOnly) {
      const all = h.SIW_NOTIFY_SOLICITED | h.SIW_NOTIFY_NEXT_COMPLETION;
      const control = ring.end + h.siw_cq_ctrl.field('flags').offset;
      ring.memory.storeAtomic32(control, solicitedOnly ? h.SIW_NOTIFY_SOLICITED : all);
      return 0;
    },
    close: () => ring.close(),
  };
  return { ok: true, value };
}

function poll(ring: SiwRing, max: number): readonly Completion[] {
  const found: Completion[] = [];
  while (found.length < max) {
    const flags = ring.loadFlags();
    if ((flags & h.SIW_WQE_VALID) === 0) break;
    found.push(decode(ring.memory.read(ring.at, h.siw_cqe.size), flags));
    ring.storeFlags(0);
    ring.advance();
  }
  return found;
}

/**
 * For user space siw does not say which key a send invalidated.
 * Source: siw_qp.c, siw_rqe_complete()
 */
function decode(cqe: Buffer, flags: number): Completion {
  const status = cqe.readUInt16LE(AT.status);
  const opcode = cqe.readUInt8(AT.opcode);
  const invalidates = (flags & h.SIW_WQE_REM_INVAL) !== 0;
  return {
    id: cqe.readBigUInt64LE(AT.id),
    status: STATUS[status] ?? `status ${status}`,
    opcode: OPCODES[opcode] ?? `opcode ${opcode}`,
    length: cqe.readUInt32LE(AT.bytes),
    qpn: cqe.readUInt32LE(AT.qp),
    sourceQpn: 0,
    immediate: 0,
    invalidatedRkey: invalidates ? cqe.readUInt32LE(AT.invalidated) : 0,
    hasImmediate: false,
    hasGrh: false,
    vendorError: 0,
  };
}
