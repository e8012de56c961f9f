import { efa_io_rx_desc, efa_io_tx_wqe } from '../../../providers/rdma/efa/io-defs.ts';
import { must, mustFind, mustFit } from '../refusal.ts';
import { findCq } from './completion-queues.ts';
import { findPd } from './domain-commands.ts';
import type { Doorbells } from './doorbells.ts';
import { isPowerOfTwo } from './event-queues.ts';
import {
  EFA_ADMIN_CREATE_QP_CMD_RQ_VIRT_MASK,
  EFA_ADMIN_CREATE_QP_CMD_SQ_VIRT_MASK,
  EFA_ADMIN_CREATE_QP_CMD_UNSOLICITED_WRITE_RECV_MASK,
  EFA_ADMIN_MODIFY_QP_CMD_CUR_QP_STATE_MASK,
  EFA_ADMIN_MODIFY_QP_CMD_QKEY_MASK,
  EFA_ADMIN_MODIFY_QP_CMD_QP_STATE_MASK,
  EFA_ADMIN_MODIFY_QP_CMD_RNR_RETRY_MASK,
  EFA_ADMIN_MODIFY_QP_CMD_SQ_DRAINED_ASYNC_NOTIFY_MASK,
  EFA_ADMIN_MODIFY_QP_CMD_SQ_PSN_MASK,
  EFA_ADMIN_QP_STATE_ERR,
  EFA_ADMIN_QP_STATE_RESET,
  EFA_ADMIN_QP_TYPE_SRD,
  EFA_ADMIN_QP_TYPE_UD,
  efa_admin_create_qp_cmd,
  efa_admin_create_qp_resp,
  efa_admin_destroy_qp_cmd,
  efa_admin_destroy_qp_resp,
  efa_admin_modify_qp_cmd,
  efa_admin_modify_qp_resp,
  efa_admin_query_qp_cmd,
  efa_admin_query_qp_resp,
} from './headers/efa-admin-cmds-defs.ts';
import { LIMITS } from './limits.ts';
import type { Objects, QueuePair } from './objects.ts';
import { isTransition } from './queue-pair-states.ts';

/** What the device does with a queue pair besides its bookkeeping. */
export interface QueuePairActions {
  /** Requests that wait end with the status that says so. */
  flush(qp: QueuePair): void;
  /** Requests that wait are forgotten. */
  forget(qp: QueuePair): void;
  /** Requests that wait are carried out. */
  run(qp: QueuePair): void;
}

type CreateCommand = ReturnType<typeof efa_admin_create_qp_cmd.decode>;

const MODES_NOT_DONE = EFA_ADMIN_CREATE_QP_CMD_SQ_VIRT_MASK | EFA_ADMIN_CREATE_QP_CMD_RQ_VIRT_MASK;
const KNOWN_FLAGS = EFA_ADMIN_CREATE_QP_CMD_UNSOLICITED_WRITE_RECV_MASK | MODES_NOT_DONE;
/** The wish to be told of a drained send queue is taken; the driver has no event that would tell it. */
const KNOWN_ATTRIBUTES =
  EFA_ADMIN_MODIFY_QP_CMD_QP_STATE_MASK |
  EFA_ADMIN_MODIFY_QP_CMD_CUR_QP_STATE_MASK |
  EFA_ADMIN_MODIFY_QP_CMD_QKEY_MASK |
  EFA_ADMIN_MODIFY_QP_CMD_SQ_PSN_MASK |
  EFA_ADMIN_MODIFY_QP_CMD_SQ_DRAINED_ASYNC_NOTIFY_MASK |
  EFA_ADMIN_MODIFY_QP_CMD_RNR_RETRY_MASK;
/** Handles are opaque: made different from numbers, so that nobody takes one for the other. */
const HANDLE_BASE = 0x1_0000;

function checkSizes({ qp_alloc_size: size }: CreateCommand): void {
  const { send_queue_ring_size: sendBytes, send_queue_depth: sendDepth } = size;
  const { recv_queue_ring_size: recvBytes, recv_queue_depth: recvDepth } = size;
  must(sendDepth >= LIMITS.minSqDepth && sendDepth <= LIMITS.maxSqDepth, `${sendDepth} sends`);
  must(recvDepth <= LIMITS.maxRqDepth, `${recvDepth} receives`);
  must(sendBytes <= LIMITS.maxLlqBytes, `a send queue of ${sendBytes} bytes`);
  // Indexes run on and are masked, on both sides (rdma-core, providers/efa/verbs.c).
  const sends = sendBytes / efa_io_tx_wqe.size;
  const recvs = recvBytes / efa_io_rx_desc.size;
  must(sends === 0 || isPowerOfTwo(sends), `a send queue of ${sends} entries`);
  must(recvs === 0 || isPowerOfTwo(recvs), `a receive queue of ${recvs} entries`);
  must(sends >= sendDepth && recvs >= recvDepth, 'queues that do not fit their rings');
}

export function createQp(objects: Objects, doorbells: Doorbells, payload: Buffer): Buffer {
  const command = efa_admin_create_qp_cmd.decode(payload);
  const { qp_type: type, flags, qp_alloc_size: size } = command;
  must(type === EFA_ADMIN_QP_TYPE_UD || type === EFA_ADMIN_QP_TYPE_SRD, `a QP of type ${type}`);
  must((flags & ~KNOWN_FLAGS) === 0 && (flags & MODES_NOT_DONE) === 0, `QP flags ${flags}`);
  checkSizes(command);
  const pd = findPd(objects, command.pd);
  const uar = mustFind(objects.uars.get(command.uar), `UAR ${command.uar}`);
  const sendCq = findCq(objects, command.send_cq_idx);
  const recvCq = findCq(objects, command.recv_cq_idx);
  const qp = () => objects.qps.get(id);
  const sendDoorbell = doorbells.add(uar, { kind: 'send', qp });
  const recvDoorbell = doorbells.add(uar, { kind: 'recv', qp });
  const ring = (base: number, entries: number, doorbell: number) => {
    return { base, entries, doorbell, producer: 0, consumer: 0 };
  };
  const made = objects.qps.add((number) => ({
    id: number,
    handle: HANDLE_BASE + number,
    number: qpNumber(objects, number),
    isSrd: type === EFA_ADMIN_QP_TYPE_SRD,
    pd,
    uar,
    sendCq,
    recvCq,
    state: EFA_ADMIN_QP_STATE_RESET,
    qkey: 0,
    sqPsn: 0,
    rnrRetry: 0,
    attached: [],
    hasUnsolicitedWrites: (flags & EFA_ADMIN_CREATE_QP_CMD_UNSOLICITED_WRITE_RECV_MASK) !== 0,
    sendRing: ring(
      number * LIMITS.maxLlqBytes,
      size.send_queue_ring_size / efa_io_tx_wqe.size,
      sendDoorbell,
    ),
    recvRing: ring(
      Number(command.rq_base_addr),
      size.recv_queue_ring_size / efa_io_rx_desc.size,
      recvDoorbell,
    ),
  }));
  if (made === undefined) for (const at of [sendDoorbell, recvDoorbell]) doorbells.remove(at);
  const id = mustFit(made, 'QP');
  for (const parent of [pd, uar, sendCq, recvCq]) parent.users++;
  return describeQp(mustFind(qp(), `QP ${id}`));
}

/** Bits above those that number the queue pairs change, so that a late message finds nobody. */
function qpNumber(objects: Objects, id: number): number {
  const generation = objects.qpGenerations++ % (2 ** 16 / LIMITS.maxQp);
  return generation * LIMITS.maxQp + id;
}

function describeQp(qp: QueuePair): Buffer {
  return efa_admin_create_qp_resp.make({
    qp_handle: qp.handle,
    qp_num: qp.number,
    send_sub_cq_idx: 0,
    recv_sub_cq_idx: 0,
    sq_db_offset: qp.sendRing.doorbell,
    rq_db_offset: qp.recvRing.doorbell,
    llq_descriptors_offset: qp.sendRing.base,
  });
}

export function findQp({ qps }: Objects, handle: number): QueuePair {
  return mustFind(qps.get(handle - HANDLE_BASE), `QP with handle ${handle}`);
}

export function modifyQp(objects: Objects, actions: QueuePairActions, payload: Buffer): Buffer {
  const command = efa_admin_modify_qp_cmd.decode(payload);
  const { modify_mask: mask } = command;
  const qp = findQp(objects, command.qp_handle);
  const has = (attribute: number) => (mask & attribute) !== 0;
  must((mask & ~KNOWN_ATTRIBUTES) === 0, `attributes 0x${mask.toString(16)}`);
  must(qp.isSrd || !has(EFA_ADMIN_MODIFY_QP_CMD_RNR_RETRY_MASK), 'RNR retries of a UD QP');
  const from = has(EFA_ADMIN_MODIFY_QP_CMD_CUR_QP_STATE_MASK) ? command.cur_qp_state : qp.state;
  const to = has(EFA_ADMIN_MODIFY_QP_CMD_QP_STATE_MASK) ? command.qp_state : qp.state;
  must(isTransition(from, to) || to === from, `a QP from state ${from} to ${to}`);
  if (has(EFA_ADMIN_MODIFY_QP_CMD_QKEY_MASK)) qp.qkey = command.qkey;
  if (has(EFA_ADMIN_MODIFY_QP_CMD_SQ_PSN_MASK)) qp.sqPsn = command.sq_psn;
  if (has(EFA_ADMIN_MODIFY_QP_CMD_RNR_RETRY_MASK)) qp.rnrRetry = command.rnr_retry;
  changeState(qp, to, actions);
  return efa_admin_modify_qp_resp.make();
}

function changeState(qp: QueuePair, to: number, actions: QueuePairActions): void {
  qp.state = to;
  if (to === EFA_ADMIN_QP_STATE_RESET) {
    actions.forget(qp);
    for (const ring of [qp.sendRing, qp.recvRing])
      Object.assign(ring, { producer: 0, consumer: 0 });
    Object.assign(qp, { qkey: 0, sqPsn: 0, rnrRetry: 0 });
  } else if (to === EFA_ADMIN_QP_STATE_ERR) actions.flush(qp);
  else actions.run(qp);
}

export function queryQp(objects: Objects, payload: Buffer): Buffer {
  const qp = findQp(objects, efa_admin_query_qp_cmd.get(payload, 'qp_handle'));
  return efa_admin_query_qp_resp.make({
    qp_state: qp.state,
    qkey: qp.qkey,
    sq_psn: qp.sqPsn,
    rnr_retry: qp.rnrRetry,
  });
}

export function destroyQp(
  objects: Objects,
  doorbells: Doorbells,
  actions: QueuePairActions,
  payload: Buffer,
): Buffer {
  const qp = findQp(objects, efa_admin_destroy_qp_cmd.get(payload, 'qp_handle'));
  if (qp.state !== EFA_ADMIN_QP_STATE_RESET) actions.flush(qp);
  doorbells.remove(qp.sendRing.doorbell);
  doorbells.remove(qp.recvRing.doorbell);
  objects.qps.remove(qp.id);
  const counters = qp.attached.map(({ counter }) => counter);
  for (const parent of [qp.pd, qp.uar, qp.sendCq, qp.recvCq, ...counters]) parent.users--;
  return efa_admin_destroy_qp_resp.make();
}
