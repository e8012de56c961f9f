import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { RDMA_DRIVER_SIW } from '../../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import * as h from '../../../uapi/headers/rdma/siw-abi.ts';
import { type CmConnection, connectByCm } from '../cm.ts';
import type { Connection, Facts, Part, QpEnd, QpQueues } from '../driver.ts';
import { type DriverCall, type DriverData, type Made, NO_DRIVER_DATA } from '../driver.ts';
import { openCq } from './completion.ts';
import { openReceiveQueue, openSrq } from './receive.ts';
import { openSendQueue, SIW_JOBS } from './send.ts';

/** Bytes that siw answers with, and refuses to answer without. Source: siw_verbs.c */
const ANSWERS: Readonly<Partial<Record<DriverCall, number>>> = {
  context: h.siw_uresp_alloc_ctx.size,
  cq: h.siw_uresp_create_cq.size,
  qp: h.siw_uresp_create_qp.size,
  srq: h.siw_uresp_create_srq.size,
  mr: h.siw_uresp_reg_mr.size,
};

/** The low byte of a key is the consumer's: changed each time, so that a stale key shows. */
let nextKey = 0;

function driverData(call: DriverCall): DriverData {
  const outputSize = ANSWERS[call] ?? 0;
  if (call !== 'mr') return { input: NO_DRIVER_DATA.input, outputSize };
  nextKey = (nextKey + 1) & 0xff;
  return { input: h.siw_ureq_reg_mr.make({ stag_key: nextKey }), outputSize };
}

/** Connections by handle of the QP's own queues: one lives for as long as the QP. */
const connections = new WeakMap<object, CmConnection>();

function openQp({ fd, object, want, response }: Made<'qp'>): CallOutcome<QpQueues> {
  const made = h.siw_uresp_create_qp.decode(response);
  const sent = openSendQueue(fd, {
    key: made.sq_key,
    entries: made.num_sqe,
    maxSge: Number(object.fields['sendSge'] ?? h.SIW_MAX_SGE),
    inline: Number(object.fields['inline'] ?? 0),
    signalAll: want.signalAll === true,
  });
  if (!sent.ok) return sent;
  const send = {
    ...sent.value,
    close() {
      sent.value.close();
      connections.get(object)?.close(object);
    },
  };
  if (made.num_rqe === 0) return { ok: true, value: { send } };
  const receive = openReceiveQueue(fd, {
    key: made.rq_key,
    entries: made.num_rqe,
    maxSge: Number(object.fields['receiveSge'] ?? h.SIW_MAX_SGE),
  });
  if (!receive.ok) {
    send.close();
    return receive;
  }
  return { ok: true, value: { send, receive: receive.value } };
}

/**
 * RTS is reached with a TCP connection of the iWARP CM and in no other way.
 * Source: drivers/infiniband/sw/siw/siw_qp.c, siw_qp_nextstate_from_idle()
 */
function connect(own: QpEnd, peer: QpEnd, how: Connection): CallOutcome<Facts> {
  const connected = connectByCm(own, peer, how);
  if (!connected.ok) return connected;
  for (const { qp } of [own, peer]) connections.set(qp, connected.value);
  return { ok: true, value: connected.value.facts };
}

/** Soft iWARP. */
export const siw: Part = {
  driver: 'siw',
  driverId: RDMA_DRIVER_SIW,
  shown: 'lab',
  where: () => 'software driver',
  opcodes: SIW_JOBS,
  driverData,
  queues: { doorbell: 'command', openCq, openQp, openSrq },
  connect,
};
