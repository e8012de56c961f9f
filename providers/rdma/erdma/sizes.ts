import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { MAP_ANONYMOUS, MAP_SHARED } from '../../../uapi/constants.ts';
import { Mapping } from '../../../uapi/mapping.ts';
import { pageSize } from '../../../uapi/sys-memory.ts';
import type { CreateRequests } from '../driver.ts';
import { BLOCK_BYTES, CQE_BYTES, MOST_BLOCKS, RQE_BYTES } from './formats.ts';

/**
 * Queues in memory of the process: a page with the doorbell records, since the driver keeps the page of
 * each, then the rings, then what we note of each slot.
 */

/** Bytes that are noted of a slot, see ring.ts. */
export const NOTE_BYTES = 16;

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

/** Zeroed, as the device must find it; a child of this process goes on with the same queue. */
export function ringMemory(bytes: number): CallOutcome<Mapping> {
  const length = ringsAt() + aligned(Math.max(1, bytes), pageSize());
  const mapped = Mapping.tryMap({ fd: -1, length, flags: MAP_SHARED | MAP_ANONYMOUS });
  return mapped.ok ? mapped : { ok: false, errno: mapped.errno, call: 'mmap of queue memory' };
}

export function ringsAt(): number {
  return pageSize();
}
