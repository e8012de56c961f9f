import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { E, type Errno } from '../../../uapi/errno.ts';
import * as h from '../../../uapi/headers/rdma/siw-abi.ts';
import {
  type Made,
  postEach,
  type ReceiveQueue,
  type ReceiveRequest,
  type Sge,
} from '../driver.ts';
import { SiwRing } from './ring.ts';

const AT = {
  id: h.siw_rqe.field('id').offset,
  sges: h.siw_rqe.field('sge').offset,
};

/** The word that begins with the flags of a request: flags, number of SGEs, opcode. */
export const FLAGS_MASK = 0xffff;
const SGE_COUNT_SHIFT = 16;

export function openSrq({ fd, want, response }: Made<'srq'>): CallOutcome<ReceiveQueue> {
  const { srq_key, num_rqe } = h.siw_uresp_create_srq.decode(response);
  return openReceiveQueue(fd, { key: srq_key, entries: num_rqe, maxSge: want.maxSge });
}

export interface ReceiveRing {
  readonly key: bigint;
  readonly entries: number;
  readonly maxSge: number;
}

export function openReceiveQueue(fd: number, queue: ReceiveRing): CallOutcome<ReceiveQueue> {
  const opened = SiwRing.open(fd, { ...queue, elementSize: h.siw_rqe.size });
  if (!opened.ok) return opened;
  const ring = opened.value;
  const value: ReceiveQueue = {
    post: (requests) => postEach(requests, (request) => postOne(ring, queue.maxSge, request)),
    close: () => ring.close(),
  };
  return { ok: true, value };
}

function postOne(ring: SiwRing, maxSge: number, { id, sges }: ReceiveRequest): Errno {
  if (sges.length > Math.min(maxSge, h.SIW_MAX_SGE)) return E.EINVAL;
  if ((ring.loadFlags() & FLAGS_MASK) !== 0) return E.ENOMEM;
  const rqe = Buffer.alloc(AT.sges + sges.length * h.siw_sge.size);
  rqe.writeBigUInt64LE(id, AT.id);
  writeSges(rqe, AT.sges, sges);
  ring.memory.write(ring.at, rqe);
  // The driver takes an element as soon as it has this flag: no doorbell follows.
  ring.storeFlags(h.SIW_WQE_VALID | (sges.length << SGE_COUNT_SHIFT));
  ring.advance();
  return 0;
}

const SGE_LENGTH = h.siw_sge.field('length').offset;
const SGE_KEY = h.siw_sge.field('lkey').offset;

/** Writes a list of struct siw_sge. */
export function writeSges(element: Buffer, start: number, sges: readonly Sge[]): void {
  for (const [i, { address, length, lkey }] of sges.entries()) {
    const at = start + i * h.siw_sge.size;
    element.writeBigUInt64LE(address, at);
    element.writeUInt32LE(length, at + SGE_LENGTH);
    element.writeUInt32LE(lkey, at + SGE_KEY);
  }
}
