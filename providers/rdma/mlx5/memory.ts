import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import type { CreateRequests } from '../driver.ts';
import { ringMemory, ringsAt } from '../ring-memory.ts';
import { CQE_KIND } from './formats.ts';
import {
  cqBytes,
  qpMemoryBytes,
  qpShape,
  srqMemoryBytes,
  srqSlots,
  wqMemoryBytes,
  wqSlots,
} from './sizes.ts';

/** Memory of queues: a page with the doorbell record, and the rings behind it. */

/** Where the page has the record, and the index that we gave the queue. */
const RECORD = 0;
const INDEX = 64;

/** MLX5_IB_DEFAULT_UIDX, which is no index, and all that are. */
const NO_INDEX = 0xff_ffff;

/** Completions name a queue by its index, which is ours to choose; it is used again after 2^24 queues. */
let nextIndex = 0;

function queueMemory(bytes: number): CallOutcome<Mapping> {
  const made = ringMemory(bytes);
  if (made.ok) {
    made.value.writeU32(INDEX, nextIndex);
    nextIndex = (nextIndex + 1) % NO_INDEX;
  }
  return made;
}

/** @param version of the completions; 0 knows no indices */
export function indexOf(memory: Mapping, version: number): number {
  return version === 0 ? NO_INDEX : memory.readU32(INDEX);
}

export function recordAddress(memory: Mapping): bigint {
  return memory.address + BigInt(RECORD);
}

export function ringAddress(memory: Mapping): bigint {
  return memory.address + BigInt(ringsAt());
}

/** All entries are invalid before the device has written any. Source: cq.c, init_cq_frag_buf() */
function cqMemory({ entries }: { readonly entries: number }): CallOutcome<Mapping> {
  const bytes = cqBytes(entries);
  const made = queueMemory(bytes);
  if (made.ok) made.value.fill(ringsAt(), bytes, CQE_KIND.invalid << 4);
  return made;
}

export const mlx5Memory = {
  cq: cqMemory,
  'resize-cq': cqMemory,
  /** A QP that spreads has no rings of its own. */
  qp: (want: CreateRequests['qp'], contextAnswer: Buffer) =>
    want.spread === undefined
      ? queueMemory(qpMemoryBytes(qpShape(want, contextAnswer)))
      : undefined,
  srq: (want: CreateRequests['srq'], contextAnswer: Buffer) =>
    queueMemory(srqMemoryBytes(srqSlots(want, contextAnswer))),
  wq: (want: CreateRequests['wq'], contextAnswer: Buffer) =>
    queueMemory(wqMemoryBytes(wqSlots(want, contextAnswer))),
};
