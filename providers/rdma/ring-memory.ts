import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { MAP_ANONYMOUS, MAP_SHARED } from '../../uapi/constants.ts';
import { Mapping } from '../../uapi/mapping.ts';
import { pageSize } from '../../uapi/sys-memory.ts';

/**
 * Memory of a queue that is the process's own: a page with the doorbell records, since drivers keep the
 * page of each, then the rings, then what a part notes of each slot.
 */

/** Zeroed, as a device may have to find it; a child of this process goes on with the same queue. */
export function ringMemory(bytes: number): CallOutcome<Mapping> {
  const page = pageSize();
  const length = ringsAt() + Math.ceil(Math.max(1, bytes) / page) * page;
  const mapped = Mapping.tryMap({ fd: -1, length, flags: MAP_SHARED | MAP_ANONYMOUS });
  return mapped.ok ? mapped : { ok: false, errno: mapped.errno, call: 'mmap of queue memory' };
}

export function ringsAt(): number {
  return pageSize();
}
