import type { CreateRequests } from '../driver.ts';
import { NOTE_BYTES } from '../work-ring.ts';
import { BLOCK_BYTES, CQE_BYTES, MOST_BLOCKS, RQE_BYTES } from './formats.ts';

/** Sizes of queues, see ring-memory.ts for what else is there. */

/** ERDMA_HW_PAGE_SIZE: what receives are aligned to. */
const DEVICE_PAGE = 4096;
/** What indices of 16 bits tell apart, and what the consumer's index of a CQ does. */
const MOST_WORK = 2 ** 15;
const MOST_COMPLETIONS = 2 ** 24;

/** Of a ring that holds so many; none of what no ring holds, which is the driver's to refuse. */
export function slotsFor(count: number, most: number): number {
  if (!(count > 0) || count > most) return 0;
  return 2 ** Math.ceil(Math.log2(count));
}

function aligned(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to;
}

export function cqBytes({ entries }: CreateRequests['cq']): number {
  return slotsFor(entries, MOST_COMPLETIONS) * CQE_BYTES;
}

/** Source: erdma_verbs.c, erdma_create_qp(), init_user_qp() */
export function qpBytes({ sendWr = 1, receiveWr = 1 }: CreateRequests['qp']): number {
  const sends = slotsFor(sendWr * MOST_BLOCKS, MOST_WORK);
  const receives = slotsFor(receiveWr, MOST_WORK);
  const rings = aligned(sends * BLOCK_BYTES, DEVICE_PAGE) + receives * RQE_BYTES;
  return rings + (sends + receives) * NOTE_BYTES;
}
