import * as h from '../../../uapi/headers/rdma/irdma-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { pageSize } from '../../../uapi/sys-memory.ts';
import type { QueueKind, QueueRequests, Registration } from '../driver.ts';
import { ringsAt } from '../ring-memory.ts';
import { cqBytes, receiveBytes, sendBytes, srqBytes } from './sizes.ts';

/**
 * Where the parts of a queue are in its memory. A CQ has its shadow, by which program and device tell each
 * other how far they are, in the first page; a QP and an SRQ have it behind the rings, as part of the one
 * region that these are registered as. Source: verbs.c, irdma_handle_q_mem()
 */

export function addressOfRing(memory: Mapping): bigint {
  return memory.address + BigInt(ringsAt());
}

export function addressOfShadow(memory: Mapping): bigint {
  return memory.address;
}

/** What irdma is told of each queue's memory before it hears of the queue. */
export function registrations<K extends QueueKind>(
  kind: K,
  want: QueueRequests[K],
  memory: Mapping,
): readonly Registration[] {
  return (REGIONS[kind] as Regions<K> | undefined)?.(want, memory) ?? [];
}

type Regions<K extends QueueKind> = (
  want: QueueRequests[K],
  memory: Mapping,
) => readonly Registration[];

const REGIONS: { readonly [K in QueueKind]?: Regions<K> } = {
  cq: (want, memory) => [cqRegion(want.entries, memory), shadowRegion(memory)],
  'resize-cq': (want, memory) => [cqRegion(want.entries, memory)],
  qp(want, memory) {
    const pages = { sq_pages: pagesOf(sendBytes(want)), rq_pages: pagesOf(receiveBytes(want)) };
    return [
      {
        start: addressOfRing(memory),
        length: (pages.sq_pages + pages.rq_pages + 1) * pageSize(),
        input: h.irdma_mem_reg_req.make({ reg_type: h.IRDMA_MEMREG_TYPE_QP, ...pages }),
      },
    ];
  },
  srq(want, memory) {
    const pages = pagesOf(srqBytes(want));
    return [
      {
        start: addressOfRing(memory),
        length: (pages + 1) * pageSize(),
        input: h.irdma_mem_reg_req.make({ reg_type: h.IRDMA_MEMREG_TYPE_SRQ, rq_pages: pages }),
      },
    ];
  },
};

function cqRegion(entries: number, memory: Mapping): Registration {
  const pages = pagesOf(cqBytes({ entries }));
  return {
    start: addressOfRing(memory),
    length: pages * pageSize(),
    input: h.irdma_mem_reg_req.make({ reg_type: h.IRDMA_MEMREG_TYPE_CQ, cq_pages: pages }),
  };
}

function shadowRegion(memory: Mapping): Registration {
  return {
    start: addressOfShadow(memory),
    length: pageSize(),
    input: h.irdma_mem_reg_req.make({ reg_type: h.IRDMA_MEMREG_TYPE_CQ, cq_pages: 1 }),
  };
}

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / pageSize());
}
