import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { E } from '../../../uapi/errno.ts';
import {
  efa_ibv_alloc_ucontext_resp,
  efa_ibv_create_qp_resp,
} from '../../../uapi/headers/rdma/efa-abi.ts';
import { pageSize } from '../../../uapi/sys-memory.ts';
import type { Made, QpQueues, ReceiveQueue } from '../driver.ts';
import { attachQp } from './completion.ts';
import { openRungRing } from './device-page.ts';
import { EfaReceiveQueue } from './receive.ts';
import { RequestIds } from './request-ids.ts';
import { EfaSendQueue } from './send.ts';
import { receiveSlots, ringSizes, SEND_ENTRY_BYTES } from './sizes.ts';

type Response = ReturnType<typeof efa_ibv_create_qp_resp.decode>;

/** Entries between two doorbells; the first generation has no such limit. */
function batchOf(contextAnswer: Buffer): number {
  if (contextAnswer.length < efa_ibv_alloc_ucontext_resp.size) return 1;
  const bytes = efa_ibv_alloc_ucontext_resp.get(contextAnswer, 'max_tx_batch') * 64;
  return Math.floor(bytes / SEND_ENTRY_BYTES);
}

/** Maps the rings of a new QP and their doorbells. */
export function openQp(made: Made<'qp'>): CallOutcome<QpQueues> {
  const answer = efa_ibv_create_qp_resp.decode(made.response);
  const { sendWr = 1, receiveWr = 1 } = made.want;
  const requests = { send: new RequestIds(sendWr), receive: new RequestIds(receiveWr) };
  const send = sendWr > 0 ? openSend(made, answer, requests.send) : undefined;
  if (send !== undefined && !send.ok) return send;
  const receive = receiveWr > 0 ? openReceive(made, answer, requests.receive) : undefined;
  if (receive !== undefined && !receive.ok) {
    send?.value.close();
    return receive;
  }
  const queues = {
    ...(send && { send: send.value }),
    ...(receive && { receive: receive.value }),
  };
  const { sendCq, receiveCq } = made.want;
  attachQp([sendCq, receiveCq], Number(made.object.fields['number']), requests);
  return { ok: true, value: queues };
}

function openSend(made: Made<'qp'>, answer: Response, ids: RequestIds): CallOutcome<EfaSendQueue> {
  const { fd, want } = made;
  const { sendWr = 1, sendSge = 1, inline = 0, signalAll = false } = want;
  const start = answer.llq_desc_offset;
  const used = start + ringSizes(want).sendBytes;
  const opened = openRungRing(fd, {
    what: 'a send queue',
    key: answer.llq_desc_mmap_key,
    length: Math.ceil(used / pageSize()) * pageSize(),
    doorbellKey: answer.sq_db_mmap_key,
    doorbellOffset: answer.sq_db_offset,
  });
  if (!opened.ok) return opened;
  const { ring, doorbell } = opened.value;
  const batch = batchOf(made.contextAnswer);
  const limits = { entries: sendWr, maxSge: sendSge, inline, signalAll, batch };
  const memory = { memory: ring, start };
  return { ok: true, value: new EfaSendQueue(memory, doorbell, limits, ids) };
}

function openReceive(
  { fd, want }: Made<'qp'>,
  answer: Response,
  ids: RequestIds,
): CallOutcome<ReceiveQueue> {
  const opened = openRungRing(fd, {
    what: 'a receive queue',
    key: answer.rq_mmap_key,
    length: Number(answer.rq_mmap_size),
    doorbellKey: answer.rq_db_mmap_key,
    doorbellOffset: answer.rq_db_offset,
  });
  if (!opened.ok) return opened;
  const { ring, doorbell } = opened.value;
  const limits = { entries: receiveSlots(want), maxSge: want.receiveSge ?? 1 };
  return { ok: true, value: new EfaReceiveQueue(ring, doorbell, limits, ids) };
}

/** The driver makes none. Source: drivers/infiniband/hw/efa/efa_main.c, efa_dev_ops */
export function openSrq(): CallOutcome<ReceiveQueue> {
  return { ok: false, errno: E.EOPNOTSUPP, call: 'a shared receive queue of EFA' };
}
