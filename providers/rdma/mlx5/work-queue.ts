import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { E } from '../../../uapi/errno.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import type { Made, ReceiveQueue } from '../driver.ts';
import { ringsAt } from '../ring-memory.ts';
import { WorkRing } from '../work-ring.ts';
import { completionQueue, type Names, type Queues } from './completion.ts';
import { cqeVersion } from './driver-data.ts';
import { RECORD } from './formats.ts';
import { indexOf } from './memory.ts';
import { postReceives, receivesOf } from './receive-ring.ts';
import { ringBytes, wqSlots } from './sizes.ts';

/** Work queues: receives alone, which frames come to by way of a table. */

/** Takes the ring of a new WQ, and tells its CQ of it. */
export function openWq(made: Made<'wq'>): CallOutcome<ReceiveQueue> {
  const { object, memory, want } = made;
  if (memory === undefined) return { ok: false, errno: E.EINVAL, call: 'a WQ without memory' };
  const ring = ringOf(made, memory);
  const parts = { memory, ...ring, maxSge: Number(object.fields['maxSge']) };
  const queues: Queues = {
    receives: receivesOf(ring.ring),
    framesOf: Number(object.fields['number']),
  };
  const names = namesOf(made, memory);
  const cq = completionQueue(want.cq);
  cq?.attach(names, queues);
  return {
    ok: true,
    value: {
      post: (requests) => postReceives(parts, requests),
      drop() {
        cq?.forget(queues);
        ring.ring.clear();
        memory.storeAtomic32(RECORD.receives, 0);
      },
      close() {
        cq?.detach(names, undefined);
        memory.unmap();
      },
    },
  };
}

/** Notes lie behind the ring. */
function ringOf({ want, contextAnswer }: Made<'wq'>, memory: Mapping) {
  const slots = wqSlots(want, contextAnswer);
  const slotBytes = 2 ** slots.shift;
  const start = ringsAt();
  const place = { start, slots: slots.count, slotBytes };
  return { slotBytes, ring: new WorkRing(memory, place, start + ringBytes(slots)) };
}

/**
 * Completions of a WQ name its index, since a flow tag stands where the number of a QP would; in the first
 * version they name its number.
 * Source: qp.c, create_rq(); mlx5/core/en_rx.c, mlx5e_build_rx_skb(), which takes the tag from there
 */
function namesOf({ object, contextAnswer }: Made<'wq'>, memory: Mapping): Names {
  const version = cqeVersion(contextAnswer);
  if (version === 0) return { numbers: [Number(object.fields['number'])] };
  return { numbers: [], index: indexOf(memory, version) };
}
