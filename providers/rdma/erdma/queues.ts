import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { E } from '../../../uapi/errno.ts';
import {
  type ErdmaUrespCreateQp,
  erdma_uresp_create_qp,
} from '../../../uapi/headers/rdma/erdma-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import {
  type Made,
  postEach,
  type QpQueues,
  type ReceiveQueue,
  type SendQueue,
} from '../driver.ts';
import { ringsAt } from '../ring-memory.ts';
import { NOTE_BYTES, WorkRing } from '../work-ring.ts';
import { completionQueue, type Rings } from './completion.ts';
import { Doorbell, hasDoorbells } from './doorbell.ts';
import { BLOCK_BYTES, RQE_BYTES } from './formats.ts';
import { postReceive } from './receive.ts';
import { postSend, ringSend } from './send.ts';

/** ERDMA_DB_SIZE: the record of receives lies behind that of sends. */
const RECORD_BYTES = 8;

/**
 * Takes the rings of a new QP and maps its doorbells. A QP of a context that somebody else made has no
 * queues here, since that one alone was told where the doorbells are; and none has one of datagrams, which
 * cannot be sent: the driver makes no address handles for user space (erdma_main.c, erdma_device_ops).
 */
export function openQp(made: Made<'qp'>): CallOutcome<QpQueues> {
  const { memory, want } = made;
  if (memory === undefined) return { ok: false, errno: E.EINVAL, call: 'a QP without memory' };
  if (want.type !== 'rc' || !hasDoorbells(made.contextAnswer)) {
    memory.unmap();
    return { ok: true, value: {} };
  }
  const doorbells = openDoorbells(made, memory);
  if (!doorbells.ok) {
    memory.unmap();
    return doorbells;
  }
  const answer = erdma_uresp_create_qp.decode(made.response);
  const rings = ringsOf(memory, answer);
  for (const cq of cqsOf(made)) cq?.attach(answer.qp_id, rings);
  const send = sendQueue(made, rings, doorbells.value.send);
  const receive = receiveQueue(made, rings, doorbells.value.receive);
  return {
    ok: true,
    value: { send: { ...send, close: closer(memory, doorbells.value) }, receive },
  };
}

/** Notes lie behind both rings. */
function ringsOf(memory: Mapping, { num_sqe, num_rqe, rq_offset }: ErdmaUrespCreateQp): Rings {
  const receives = ringsAt() + rq_offset;
  const notes = receives + num_rqe * RQE_BYTES;
  return {
    send: new WorkRing(memory, { start: ringsAt(), slots: num_sqe, slotBytes: BLOCK_BYTES }, notes),
    receive: new WorkRing(
      memory,
      { start: receives, slots: num_rqe, slotBytes: RQE_BYTES },
      notes + num_sqe * NOTE_BYTES,
    ),
  };
}

interface Doorbells {
  readonly send: Doorbell;
  readonly receive: Doorbell;
}

/** Maps both, or neither. */
function openDoorbells(made: Made<'qp'>, memory: Mapping): CallOutcome<Doorbells> {
  const qpn = Number(made.object.fields['number']);
  const send = Doorbell.open(made, 'sdb', qpn, memory, 0);
  if (!send.ok) return send;
  const receive = Doorbell.open(made, 'rdb', qpn, memory, RECORD_BYTES);
  if (!receive.ok) {
    send.value.close();
    return receive;
  }
  return { ok: true, value: { send: send.value, receive: receive.value } };
}

function cqsOf({ want }: Made<'qp'>) {
  return [completionQueue(want.sendCq), completionQueue(want.receiveCq)];
}

function sendQueue(made: Made<'qp'>, { send }: Rings, doorbell: Doorbell) {
  const { fields } = made.object;
  const limits = {
    qpn: Number(fields['number']),
    maxSge: Number(fields['sendSge']),
    inline: Number(fields['inline']),
    signalAll: made.want.signalAll === true,
  };
  return {
    post: (requests) => postEach(requests, (request) => postSend(send, request, limits)),
    ring: () => ringSend(send, doorbell, limits.qpn),
    drop() {
      for (const cq of cqsOf(made)) cq?.forget(limits.qpn);
      send.clear();
      doorbell.clear();
    },
  } satisfies Omit<SendQueue, 'close'>;
}

/** Nothing is left to close of it: the rings and the doorbells are closed with the send queue. */
function receiveQueue(made: Made<'qp'>, { receive }: Rings, doorbell: Doorbell): ReceiveQueue {
  const qpn = Number(made.object.fields['number']);
  return {
    post: (requests) =>
      postEach(requests, (request) => postReceive(receive, doorbell, request, qpn)),
    drop() {
      receive.clear();
      doorbell.clear();
    },
    close() {},
  };
}

function closer(memory: Mapping, { send, receive }: Doorbells) {
  return () => {
    memory.unmap();
    send.close();
    receive.close();
  };
}

/** The driver makes none. Source: erdma_main.c, erdma_device_ops */
export function openSrq(): CallOutcome<ReceiveQueue> {
  return { ok: false, errno: E.EOPNOTSUPP, call: 'a shared receive queue of erdma' };
}
