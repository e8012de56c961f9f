import { part, widePlace } from '../bits.ts';
import type { ReadMemory } from '../page-list.ts';
import { must, mustFind } from '../refusal.ts';
import type { Answer } from './command-queue.ts';
import { findCq } from './completion-queues.ts';
import { findPages } from './doorbell-pages.ts';
import {
  ERDMA_CMD_CREATE_QP_CQN_MASK,
  ERDMA_CMD_CREATE_QP_DB_CFG_MASK,
  ERDMA_CMD_CREATE_QP_MTT_CNT_MASK,
  ERDMA_CMD_CREATE_QP_MTT_LEVEL_MASK,
  ERDMA_CMD_CREATE_QP_PAGE_OFFSET_MASK,
  ERDMA_CMD_CREATE_QP_PAGE_SIZE_MASK,
  ERDMA_CMD_CREATE_QP_PD_MASK,
  ERDMA_CMD_CREATE_QP_QPN_MASK,
  ERDMA_CMD_CREATE_QP_RQ_DEPTH_MASK,
  ERDMA_CMD_CREATE_QP_RQDB_CFG_MASK,
  ERDMA_CMD_CREATE_QP_SQ_DEPTH_MASK,
  ERDMA_CMD_CREATE_QP_SQDB_CFG_MASK,
  ERDMA_CMD_CREATE_QP_TYPE_MASK,
  ERDMA_CMD_MODIFY_QP_DQPN_MASK,
  ERDMA_CMD_MODIFY_QP_QPN_MASK,
  ERDMA_CMD_MODIFY_QP_STATE_MASK,
  ERDMA_CMD_QUERY_QP_RESP_QP_STATE_MASK,
  ERDMA_CMD_QUERY_QP_RESP_RQ_PSN_MASK,
  ERDMA_CMD_QUERY_QP_RESP_SQ_PSN_MASK,
  ERDMA_HW_PAGE_SHIFT,
  ERDMA_QPT_RC,
  ERDMA_QPT_UD,
  type ErdmaCmdqCreateQpReq,
  erdma_cmdq_create_qp_req,
  erdma_cmdq_destroy_qp_req,
  erdma_cmdq_mod_qp_req_rocev2,
  erdma_cmdq_query_qp_req_rocev2,
  erdma_cmdq_reflush_req,
  RQE_SIZE,
  SQEBB_SIZE,
} from './headers/erdma-hw.ts';
import { LIMITS } from './limits.ts';
import type { DoorbellPages, Objects, QueuePair, Ring } from './objects.ts';
import { readQueueBuffer } from './page-table.ts';
import { isTransition, STATE } from './queue-pair-states.ts';
import { routeOf } from './routes.ts';

/** What the device does with a queue pair besides its bookkeeping. */
export interface QueuePairActions {
  /** Requests that wait end with the status that says so. */
  flush(qp: QueuePair): void;
  /** Requests that wait are carried out. */
  run(qp: QueuePair): void;
  /** It is not there any more, or begins anew. */
  forget(qp: QueuePair): void;
}

/** Source: erdma_verbs.h, enum erdma_qpa_mask_rocev2 */
const ATTRIBUTE = { state: 1, qkey: 2, route: 4, sqPsn: 8, rqPsn: 16, peer: 32 };
const PSN_MASK = 0xff_ffff;

/** The fields that say where a ring is. */
interface RingFields {
  readonly entries: number;
  readonly entryBytes: number;
  readonly queue: number;
  readonly table: number;
  readonly address: bigint;
  readonly more: readonly bigint[];
}

function ringOf(read: ReadMemory, fields: RingFields): Ring {
  const { entries, entryBytes, queue, table, address, more } = fields;
  const pages = readQueueBuffer(read, {
    shift: part(queue, ERDMA_CMD_CREATE_QP_PAGE_SIZE_MASK) + ERDMA_HW_PAGE_SHIFT,
    // Not the number of a page: the offset with its low bits cut off (erdma_verbs.c, create_qp_cmd()).
    firstOffset: (table & ERDMA_CMD_CREATE_QP_PAGE_OFFSET_MASK) >>> 0,
    count: part(table, ERDMA_CMD_CREATE_QP_MTT_CNT_MASK),
    isIndirect: part(table, ERDMA_CMD_CREATE_QP_MTT_LEVEL_MASK) === 1,
    address: Number(address),
    more,
    bytes: entries * entryBytes,
  });
  return { pages, entries, producer: 0, consumer: 0 };
}

function doorbellsOf(
  objects: Objects,
  { sq_cqn_mtt_cfg: queue, db_cfg: pages }: ErdmaCmdqCreateQpReq,
): DoorbellPages | undefined {
  if (part(queue, ERDMA_CMD_CREATE_QP_DB_CFG_MASK) === 0) return undefined;
  const send = part(pages, ERDMA_CMD_CREATE_QP_SQDB_CFG_MASK);
  const found = findPages(objects, 'send', send);
  const receive = part(pages, ERDMA_CMD_CREATE_QP_RQDB_CFG_MASK);
  must(found.receive === receive, `pages ${send} and ${receive} do not go together`);
  return found;
}

export function createQp(objects: Objects, read: ReadMemory, entry: Buffer): void {
  const command = erdma_cmdq_create_qp_req.decode(entry);
  const { cfg0, cfg1, sq_cqn_mtt_cfg: sendQueue, rq_cqn_mtt_cfg: recvQueue } = command;
  const number = part(cfg0, ERDMA_CMD_CREATE_QP_QPN_MASK);
  must(number > 0 && number < LIMITS.maxQp && !objects.qps.has(number), `QP ${number}`);
  const type = part(command.cfg2, ERDMA_CMD_CREATE_QP_TYPE_MASK);
  must(type === ERDMA_QPT_RC || type === ERDMA_QPT_UD, `a QP of type ${type}`);
  const sends = 2 ** part(cfg0, ERDMA_CMD_CREATE_QP_SQ_DEPTH_MASK);
  const recvs = 2 ** part(cfg1, ERDMA_CMD_CREATE_QP_RQ_DEPTH_MASK);
  must(sends <= LIMITS.maxSendBlocks, `a send queue of ${sends} blocks`);
  must(recvs <= LIMITS.maxRecvWr, `${recvs} receives`);
  const sendCq = findCq(objects, part(sendQueue, ERDMA_CMD_CREATE_QP_CQN_MASK));
  const recvCq = findCq(objects, part(recvQueue, ERDMA_CMD_CREATE_QP_CQN_MASK));
  const doorbells = doorbellsOf(objects, command);
  const qp: QueuePair = {
    number,
    isDatagram: type === ERDMA_QPT_UD,
    pd: part(cfg1, ERDMA_CMD_CREATE_QP_PD_MASK),
    sendCq,
    recvCq,
    sendRing: ringOf(read, {
      entries: sends,
      entryBytes: SQEBB_SIZE,
      queue: sendQueue,
      table: command.sq_mtt_cfg,
      address: command.sq_buf_addr,
      more: command.sq_mtt_entry,
    }),
    recvRing: ringOf(read, {
      entries: recvs,
      entryBytes: RQE_SIZE,
      queue: recvQueue,
      table: command.rq_mtt_cfg,
      address: command.rq_buf_addr,
      more: command.rq_mtt_entry,
    }),
    doorbells,
    state: STATE.RESET,
    ...INITIAL,
  };
  for (const parent of parentsOf(qp)) parent.users++;
  objects.qps.set(number, qp);
}

const INITIAL = { qkey: 0, sqPsn: 0, rqPsn: 0, peer: 0, route: undefined };

const parentsOf = ({ sendCq, recvCq, doorbells }: QueuePair) =>
  doorbells === undefined ? [sendCq, recvCq] : [sendCq, recvCq, doorbells];

function findQp({ qps }: Objects, number: number): QueuePair {
  return mustFind(qps.get(number), `QP ${number}`);
}

export function modifyQp(objects: Objects, actions: QueuePairActions, entry: Buffer): void {
  const command = erdma_cmdq_mod_qp_req_rocev2.decode(entry);
  const { cfg0, cfg1, attr_mask: mask } = command;
  const qp = findQp(objects, part(cfg0, ERDMA_CMD_MODIFY_QP_QPN_MASK));
  const has = (attribute: number) => (mask & attribute) !== 0;
  const to = has(ATTRIBUTE.state) ? part(cfg0, ERDMA_CMD_MODIFY_QP_STATE_MASK) : qp.state;
  must(isTransition(qp.state, to), `QP ${qp.number} from state ${qp.state} to ${to}`);
  const route = has(ATTRIBUTE.route) ? routeOf(command.av_cfg) : qp.route;
  qp.route = route;
  if (has(ATTRIBUTE.qkey)) qp.qkey = command.qkey;
  if (has(ATTRIBUTE.sqPsn)) qp.sqPsn = command.sq_psn & PSN_MASK;
  if (has(ATTRIBUTE.rqPsn)) qp.rqPsn = command.rq_psn & PSN_MASK;
  if (has(ATTRIBUTE.peer)) qp.peer = part(cfg1, ERDMA_CMD_MODIFY_QP_DQPN_MASK);
  qp.state = to;
  if (to === STATE.RESET) {
    actions.forget(qp);
    for (const ring of [qp.sendRing, qp.recvRing])
      Object.assign(ring, { producer: 0, consumer: 0 });
    Object.assign(qp, INITIAL);
  } else if (to === STATE.ERROR) actions.flush(qp);
  else actions.run(qp);
}

/** No queue is ever seen draining: what is asked is done before the answer. */
export function queryQp(objects: Objects, entry: Buffer): Answer {
  const qp = findQp(objects, erdma_cmdq_query_qp_req_rocev2.get(entry, 'qpn'));
  const answer =
    widePlace(qp.sqPsn, ERDMA_CMD_QUERY_QP_RESP_SQ_PSN_MASK) |
    widePlace(qp.rqPsn, ERDMA_CMD_QUERY_QP_RESP_RQ_PSN_MASK) |
    widePlace(qp.state, ERDMA_CMD_QUERY_QP_RESP_QP_STATE_MASK);
  return [answer, 0n];
}

/**
 * The driver says again how far its queues are filled, once the queue pair is in the error state: requests
 * that were posted without a doorbell that reached the device end too. That it means nothing in
 * another state is a guess.
 */
export function reflushQp(objects: Objects, actions: QueuePairActions, entry: Buffer): void {
  const { qpn, sq_pi, rq_pi } = erdma_cmdq_reflush_req.decode(entry);
  const qp = findQp(objects, qpn);
  must(qp.state === STATE.ERROR, `flushing QP ${qpn} in state ${qp.state}`);
  qp.sendRing.producer = sq_pi & 0xffff;
  qp.recvRing.producer = rq_pi & 0xffff;
  actions.flush(qp);
}

export function destroyQp(objects: Objects, actions: QueuePairActions, entry: Buffer): void {
  const qp = findQp(objects, erdma_cmdq_destroy_qp_req.get(entry, 'qpn'));
  actions.forget(qp);
  objects.qps.delete(qp.number);
  for (const parent of parentsOf(qp)) parent.users--;
}
