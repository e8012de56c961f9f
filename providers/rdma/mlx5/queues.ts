import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { E, type Errno } from '../../../uapi/errno.ts';
import { mlx5_ib_create_qp_resp } from '../../../uapi/headers/rdma/mlx5-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { swapped32 } from '../completion-words.ts';
import {
  type Made,
  postEach,
  type QpQueues,
  type ReceiveQueue,
  type SendQueue,
  type SendRequest,
} from '../driver.ts';
import { ringsAt } from '../ring-memory.ts';
import { NOTE_BYTES, WorkRing } from '../work-ring.ts';
import { attach, type Rings } from './attach.ts';
import { BLOCK_BYTES, CONTROL, RECORD } from './formats.ts';
import { postReceives } from './receive-ring.ts';
import { fenceAfter, postSend, type SendLimits } from './send.ts';
import { limitsOf, type QpShape, qpNotesAt, qpShape } from './sizes.ts';
import { NO_RINGS } from './spread.ts';
import { Register } from './uar.ts';

/** Takes the rings of a new QP and maps its doorbell. */
export function openQp(made: Made<'qp'>): CallOutcome<QpQueues> {
  const { fd, memory, want, contextAnswer, response } = made;
  if (want.spread !== undefined) return { ok: true, value: NO_RINGS };
  if (memory === undefined) return { ok: false, errno: E.EINVAL, call: 'a QP without memory' };
  const bfreg = mlx5_ib_create_qp_resp.get(response, 'bfreg_index');
  const register = Register.ofQp(fd, contextAnswer, bfreg);
  if (!register.ok) {
    memory.unmap();
    return register;
  }
  const rings = ringsOf(memory, qpShape(want, contextAnswer));
  const attached = attach(made, memory, rings);
  const close = () => {
    attached.detach();
    memory.unmap();
    register.value.close();
  };
  const send = sendQueue(made, { memory, ring: rings.send, register: register.value });
  const drop = () => {
    attached.forget();
    rings.send.clear();
    rings.receive.clear();
    send.drop();
    memory.storeAtomic32(RECORD.receives, 0);
    memory.storeAtomic32(RECORD.sends, 0);
  };
  const hasReceives = rings.slotBytes > 0 && attached.tellsReceives;
  return {
    ok: true,
    value: {
      send: { ...send, drop, close },
      ...(hasReceives && { receive: receiveQueue(made, memory, rings) }),
    },
  };
}

/** Notes lie behind both rings. */
function ringsOf(memory: Mapping, shape: QpShape): Rings {
  const { receives, sendsAt, sendBlocks } = shape;
  const slotBytes = receives.count === 0 ? 0 : 2 ** receives.shift;
  const sends = ringsAt() + sendsAt;
  const notes = ringsAt() + qpNotesAt(shape);
  return {
    slotBytes,
    receive: new WorkRing(memory, { start: ringsAt(), slots: receives.count, slotBytes }, notes),
    send: new WorkRing(
      memory,
      { start: sends, slots: sendBlocks, slotBytes: BLOCK_BYTES },
      notes + receives.count * NOTE_BYTES,
    ),
  };
}

interface SendParts {
  readonly memory: Mapping;
  readonly ring: WorkRing;
  readonly register: Register;
}

function sendQueue(made: Made<'qp'>, { memory, ring, register }: SendParts) {
  const { object, want, contextAnswer } = made;
  const limits: SendLimits = {
    type: want.rawType === undefined ? want.type : '',
    qpn: Number(object.fields['number']),
    maxSge: Number(object.fields['sendSge']),
    inline: Number(object.fields['inline']),
    signalAll: want.signalAll === true,
    headerBytes: limitsOf(contextAnswer).headerBytes,
  };
  let fence = 0;
  /** The beginning of the last request, which is the doorbell. */
  let last: Buffer | undefined;
  const postOne = (request: SendRequest): Errno => {
    const posted = postSend(ring, request, limits, fence);
    if (typeof posted === 'number') return posted;
    fence = fenceAfter(request);
    last = posted;
    return 0;
  };
  return {
    post: (requests) => postEach(requests, postOne),
    /** The record, then the register. Source: wr.c, mlx5r_ring_db() */
    ring() {
      if (last === undefined) return;
      memory.storeAtomic32(RECORD.sends, swapped32(ring.produced));
      register.ring(last.readBigUInt64LE(CONTROL.index));
      last = undefined;
    },
    drop() {
      fence = 0;
      last = undefined;
    },
  } satisfies Omit<SendQueue, 'close'>;
}

/** Nothing is left to close: that is done with the send queue. */
function receiveQueue({ object }: Made<'qp'>, memory: Mapping, rings: Rings): ReceiveQueue {
  const { receive: ring, slotBytes } = rings;
  const parts = { memory, ring, slotBytes, maxSge: Number(object.fields['receiveSge']) };
  return { post: (requests) => postReceives(parts, requests), close() {} };
}
