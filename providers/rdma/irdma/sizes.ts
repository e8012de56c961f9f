import { pageSize } from '../../../uapi/sys-memory.ts';
import type { CreateRequests } from '../driver.ts';

/**
 * Sizes of queues, as the driver reckons them from counts.
 * Source: uk.c, irdma_get_wqe_shift(), irdma_get_sqdepth(), irdma_get_rqdepth(), irdma_get_srqdepth()
 */

/** Of a quantum, what requests are measured in. */
const QUANTUM_BYTES = 32;
/** IRDMA_FEATURE_64_BYTE_CQE, which all of the third generation have. */
const CQE_BYTES = 64;
const FEWEST_COMPLETIONS = 4;
/** Quanta that stay free: IRDMA_SQ_RSVD and IRDMA_RQ_RSVD. */
const SEND_RESERVED = 258;
const RECEIVE_RESERVED = 1;
/** In requests: IG3RDMA_MIN_WQ_SIZE. */
const FEWEST_REQUESTS = 16;
/** Beyond what any queue holds: that is the driver's to refuse, and no memory is made for it. */
const MOST_COMPLETIONS = 2 ** 20;
const MOST_REQUESTS = 2 ** 15;
const MOST_SHARED_REQUESTS = 2 ** 18;

/** log2 of the quanta that one request takes. */
function requestShift(sges: number, inlineBytes: number): number {
  if (sges <= 1 && inlineBytes <= 8) return 0;
  if (sges < 4 && inlineBytes <= 39) return 1;
  return sges < 8 && inlineBytes <= 101 ? 2 : 3;
}

/** Of a ring of a power of two. */
function ringBytes(
  requests: number,
  shift: number,
  reserved: number,
  most = MOST_REQUESTS,
): number {
  const count = requests >= 0 && requests <= most ? Math.max(requests, FEWEST_REQUESTS) : 0;
  return 2 ** Math.ceil(Math.log2(count * 2 ** shift + reserved)) * QUANTUM_BYTES;
}

export function cqBytes({ entries }: Pick<CreateRequests['cq'], 'entries'>): number {
  const count =
    entries <= MOST_COMPLETIONS ? Math.max(entries, FEWEST_COMPLETIONS) : FEWEST_COMPLETIONS;
  return count * CQE_BYTES;
}

/** Immediate data takes the room of a piece (uk.c, irdma_uk_calc_depth_shift_sq()). */
export function sendBytes({ sendWr = 1, sendSge = 1, inline = 0 }: CreateRequests['qp']): number {
  return ringBytes(sendWr, requestShift(sendSge + 1, inline), SEND_RESERVED);
}

export function receiveBytes({ receiveWr = 1, receiveSge = 1 }: CreateRequests['qp']): number {
  return ringBytes(receiveWr, requestShift(receiveSge, 0), RECEIVE_RESERVED);
}

export function srqBytes({ maxWr, maxSge }: CreateRequests['srq']): number {
  return ringBytes(maxWr, requestShift(maxSge, 0), RECEIVE_RESERVED, MOST_SHARED_REQUESTS);
}

/** Each ring begins a page, and the shadow has one of its own behind them. */
export function qpMemoryBytes(want: CreateRequests['qp']): number {
  return inPages(sendBytes(want)) + inPages(receiveBytes(want)) + pageSize();
}

export function srqMemoryBytes(want: CreateRequests['srq']): number {
  return inPages(srqBytes(want)) + pageSize();
}

function inPages(bytes: number): number {
  return Math.ceil(bytes / pageSize()) * pageSize();
}
