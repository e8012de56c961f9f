import { isSet, widePart } from '../bits.ts';
import { must, mustFind } from '../refusal.ts';
import { SUSPENDED, tellOfQp } from './async-events.ts';
import type { CommandContext } from './commands.ts';
import type { Command } from './control-queue.ts';
import {
  IRDMA_CQPSQ_FWQE_QPID,
  IRDMA_CQPSQ_QP_NEXTIWSTATE,
  IRDMA_CQPSQ_QP_QPID_M,
  IRDMA_CQPSQ_SUSPENDQP_QPID,
  IRDMA_QP_STATE_ERROR,
  IRDMA_QP_STATE_INVALID,
  IRDMA_QP_STATE_SQD,
  IRDMAQPC_RXCQNUM,
  IRDMAQPC_SRQ_ID,
  IRDMAQPC_TXCQNUM,
  IRDMAQPC_USE_SRQ,
} from './headers/defs.ts';
import { LIMITS } from './limits.ts';
import type { Objects, QueuePair } from './objects.ts';

/** Of the context in host memory, as far as it is filled (ctrl.c, irdma_sc_qp_setctx_roce_gen_3()). */
const CONTEXT_BYTES = 216;

/** Source: ctrl.c, irdma_sc_qp_create() */
export function createQp({ host, objects }: CommandContext, { head, entry }: Command): void {
  const number = widePart(head, IRDMA_CQPSQ_QP_QPID_M);
  must(number < LIMITS.qps && !objects.qps.has(number), `queue pair ${number}`);
  const at = Number(entry.readBigUInt64LE(16));
  const context = mustFind(host.memory.read(at, CONTEXT_BYTES), 'context of the queue pair');
  const queues = context.readBigUInt64LE(136);
  const { cqs, srqs } = objects;
  const srqNumber = isSet(context.readBigUInt64LE(0), IRDMAQPC_USE_SRQ)
    ? widePart(context.readBigUInt64LE(200), IRDMAQPC_SRQ_ID)
    : undefined;
  const qp: QueuePair = {
    number,
    sendCq: mustFind(cqs.get(widePart(queues, IRDMAQPC_TXCQNUM)), 'completion queue of sends'),
    recvCq: mustFind(cqs.get(widePart(queues, IRDMAQPC_RXCQNUM)), 'completion queue of receives'),
    srq: srqNumber === undefined ? undefined : mustFind(srqs.get(srqNumber), 'shared queue'),
    state: widePart(head, IRDMA_CQPSQ_QP_NEXTIWSTATE),
  };
  objects.qps.set(number, qp);
  count(qp, 1);
}

/** States follow each other as the driver says. Source: ctrl.c, irdma_sc_qp_modify() */
export function modifyQp({ objects }: CommandContext, { head }: Command): void {
  const qp = find(objects, widePart(head, IRDMA_CQPSQ_QP_QPID_M));
  const next = widePart(head, IRDMA_CQPSQ_QP_NEXTIWSTATE);
  if (next === IRDMA_QP_STATE_INVALID) return;
  qp.state = next;
  if (next === IRDMA_QP_STATE_SQD) tellOfQp(objects, qp, SUSPENDED);
}

/** For the driver's own changes; a queue that nobody works on has drained. Source: ctrl.c, irdma_sc_suspend_qp() */
export function suspendQp({ objects }: CommandContext, { head }: Command): void {
  tellOfQp(objects, find(objects, widePart(head, IRDMA_CQPSQ_SUSPENDQP_QPID)), SUSPENDED);
}

/** Source: ctrl.c, irdma_sc_resume_qp() */
export function resumeQp({ objects }: CommandContext, { head }: Command): void {
  find(objects, widePart(head, IRDMA_CQPSQ_SUSPENDQP_QPID));
}

export function destroyQp({ objects }: CommandContext, { head }: Command): void {
  const qp = find(objects, widePart(head, IRDMA_CQPSQ_QP_QPID_M));
  objects.qps.delete(qp.number);
  count(qp, -1);
}

/** Source: ctrl.c, irdma_sc_qp_flush_wqes() */
export function flushQp({ objects }: CommandContext, { head }: Command): void {
  const qp = find(objects, widePart(head, IRDMA_CQPSQ_FWQE_QPID));
  qp.state = IRDMA_QP_STATE_ERROR;
}

function find({ qps }: Objects, number: number): QueuePair {
  return mustFind(qps.get(number), `queue pair ${number}`);
}

function count({ sendCq, recvCq, srq }: QueuePair, change: number): void {
  sendCq.users += change;
  recvCq.users += change;
  if (srq !== undefined) srq.users += change;
}
