import { efa_ibv_alloc_ucontext_resp } from '../../../uapi/headers/rdma/efa-abi.ts';
import type { CreateRequests } from '../driver.ts';
import { efa_io_rx_cdesc_ex, efa_io_rx_desc, efa_io_tx_wqe } from './io-defs.ts';

/** Sizes of rings: all have a power of two entries. */

/** The larger of the two, which has room for the whole length of a write. */
export const CQ_ENTRY_BYTES = efa_io_rx_cdesc_ex.size;
export const SEND_ENTRY_BYTES = efa_io_tx_wqe.size;
export const RECEIVE_ENTRY_BYTES = efa_io_rx_desc.size;

const MOST_SLOTS = 2 ** 30;

/** Entries of a ring that holds so many; none for none, and what no ring can hold as it is. */
export function slotsFor(count: number): number {
  if (!(count > 0) || count > MOST_SLOTS) return count;
  return 2 ** Math.ceil(Math.log2(count));
}

/** Sizes fit into the 32 bits that the driver has for them. */
function bytes(count: number, entryBytes: number): number {
  return Math.min(slotsFor(count) * entryBytes, 0xffff_f000);
}

/** Each piece of a receive has an entry of its own. */
export function receiveSlots({ receiveWr = 1, receiveSge = 1 }: CreateRequests['qp']): number {
  return slotsFor(receiveWr * Math.max(1, receiveSge));
}

export function ringSizes(want: CreateRequests['qp']): {
  readonly sendBytes: number;
  readonly receiveBytes: number;
} {
  return {
    sendBytes: bytes(want.sendWr ?? 1, SEND_ENTRY_BYTES),
    receiveBytes: bytes(receiveSlots(want), RECEIVE_ENTRY_BYTES),
  };
}

/** Of a context that somebody else made nothing is known: most devices have one. */
export function ringsPerCq(contextAnswer: Buffer): number {
  if (contextAnswer.length < efa_ibv_alloc_ucontext_resp.size) return 1;
  return efa_ibv_alloc_ucontext_resp.get(contextAnswer, 'sub_cqs_per_cq');
}
