import { E, type Errno } from '../../../uapi/errno.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { swapped32 } from '../completion-words.ts';
import { type Posted, postEach, type ReceiveRequest } from '../driver.ts';
import type { WorkRing } from '../work-ring.ts';
import type { Receives } from './completion.ts';
import { RECORD } from './formats.ts';
import { isEncodable, receiveOf } from './pieces.ts';

/** Receives in a ring: those of a QP, and a work queue. */

export interface ReceiveRing {
  readonly memory: Mapping;
  readonly ring: WorkRing;
  readonly slotBytes: number;
  readonly maxSge: number;
}

/** Receives complete in order, and those that failed may not say which they were. Source: cq.c, mlx5_poll_one() */
export function receivesOf(ring: WorkRing): Receives {
  return { complete: (index, isError) => (isError ? ring.completeNext() : ring.complete(index)) };
}

/** Receives have no doorbell but the record. */
export function postReceives(parts: ReceiveRing, requests: readonly ReceiveRequest[]): Posted {
  const { memory, ring } = parts;
  const posted = postEach(requests, (request) => postOne(parts, request));
  memory.storeAtomic32(RECORD.receives, swapped32(ring.produced));
  return posted;
}

function postOne({ ring, slotBytes, maxSge }: ReceiveRing, { id, sges }: ReceiveRequest): Errno {
  if (!isEncodable(sges, maxSge)) return E.EINVAL;
  if (ring.free === 0) return E.ENOMEM;
  ring.put(id, receiveOf(sges, slotBytes));
  return 0;
}
