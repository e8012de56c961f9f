import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { E, type Errno } from '../../../uapi/errno.ts';
import * as h from '../../../uapi/headers/rdma/siw-abi.ts';
import { postEach, type SendQueue, type SendRequest } from '../driver.ts';
import { FLAGS_MASK, writeSges } from './receive.ts';
import { SiwRing } from './ring.ts';

const AT = {
  id: h.siw_sqe.field('id').offset,
  flags: h.siw_sqe.field('flags').offset,
  sgeCount: h.siw_sqe.field('num_sge').offset,
  opcode: h.siw_sqe.field('opcode').offset,
  rkey: h.siw_sqe.field('rkey').offset,
  remoteAddress: h.siw_sqe.field('raddr').offset,
  sges: h.siw_sqe.field('sge').offset,
  /** Inline data have the room of all SGEs but the first. */
  inline: h.siw_sqe.field('sge[1]').offset,
};

/**
 * iWARP has no atomics and no immediate data. The driver would take SIW_OP_INVAL_STAG and
 * SIW_OP_REG_MR too, but the header keeps them for the kernel's own use.
 */
const OPCODES: ReadonlyMap<SendRequest['opcode'], number> = new Map([
  ['send', h.SIW_OP_SEND],
  ['send-invalidate', h.SIW_OP_SEND_REMOTE_INV],
  ['rdma-write', h.SIW_OP_WRITE],
  ['rdma-read', h.SIW_OP_READ],
]);

/** What the queues have code for. */
export const SIW_JOBS = new Set(OPCODES.keys());

const INLINE_OPCODES: readonly SendRequest['opcode'][] = ['send', 'rdma-write'];

/** What a send queue was made for. */
export interface SendRing {
  readonly key: bigint;
  readonly entries: number;
  readonly maxSge: number;
  /** Bytes. */
  readonly inline: number;
  /** The driver looks at the flag of each request only: the QP's own wish is ours to keep. */
  readonly signalAll: boolean;
}

export function openSendQueue(fd: number, queue: SendRing): CallOutcome<SendQueue> {
  const opened = SiwRing.open(fd, { ...queue, elementSize: h.siw_sqe.size });
  if (!opened.ok) return opened;
  const ring = opened.value;
  const value: SendQueue = {
    post: (requests) => postEach(requests, (request) => postOne(ring, queue, request)),
    close: () => ring.close(),
  };
  return { ok: true, value };
}

function postOne(ring: SiwRing, limits: SendRing, request: SendRequest): Errno {
  if (!isEncodable(request, limits)) return E.EINVAL;
  if ((ring.loadFlags() & FLAGS_MASK) !== 0) return E.ENOMEM;
  const sqe = encodeSend(request);
  const word = sqe.readUInt32LE(AT.flags) | h.SIW_WQE_VALID | signalled(request, limits);
  sqe.writeUInt32LE(0, AT.flags);
  ring.memory.write(ring.at, sqe);
  // The driver may be at work on this queue: the flag comes last.
  ring.storeFlags(word);
  ring.advance();
  return 0;
}

function signalled({ signaled }: SendRequest, { signalAll }: SendRing): number {
  return signaled === true || signalAll ? h.SIW_WQE_SIGNALLED : 0;
}

function isEncodable({ opcode, sges, inline }: SendRequest, limits: SendRing): boolean {
  if (!OPCODES.has(opcode)) return false;
  if (inline !== undefined) {
    return INLINE_OPCODES.includes(opcode) && inline.length <= limits.inline;
  }
  if (opcode === 'rdma-read' && sges.length !== 1) return false;
  return sges.length <= Math.min(limits.maxSge, h.SIW_MAX_SGE);
}

/**
 * A struct siw_sqe, not yet valid.
 * Source: drivers/infiniband/sw/siw/siw_verbs.c, siw_post_send(): what it makes for the kernel's own
 * requests; siw_qp.c, siw_activate_tx_from_sq(): what it takes from a mapped queue
 */
export function encodeSend(request: SendRequest): Buffer {
  const { opcode, sges, inline } = request;
  const sqe = Buffer.alloc(h.siw_sqe.size);
  sqe.writeBigUInt64LE(request.id, AT.id);
  sqe.writeUInt16LE(flagsOf(request), AT.flags);
  sqe.writeUInt8(OPCODES.get(opcode) ?? 0, AT.opcode);
  sqe.writeUInt32LE((request.invalidateRkey ?? request.rkey ?? 0) >>> 0, AT.rkey);
  sqe.writeBigUInt64LE(request.remoteAddress ?? 0n, AT.remoteAddress);
  if (inline === undefined) {
    sqe.writeUInt8(sges.length, AT.sgeCount);
    writeSges(sqe, AT.sges, sges);
  } else {
    sqe.writeUInt8(1, AT.sgeCount);
    writeSges(sqe, AT.sges, [{ address: 0n, length: inline.length, lkey: 0 }]);
    sqe.set(inline, AT.inline);
  }
  return sqe;
}

function flagsOf({ inline, solicited, fence }: SendRequest): number {
  return (
    (inline !== undefined ? h.SIW_WQE_INLINE : 0) |
    (solicited === true ? h.SIW_WQE_SOLICITED : 0) |
    (fence === true ? h.SIW_WQE_READ_FENCE : 0)
  );
}
