import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { E, type Errno } from '../../uapi/errno.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { uverbsCommands } from '../../uapi/headers/rdma/uverbs-commands.ts';
import { tryRead, tryWrite } from '../../uapi/sys.ts';
import type {
  Completion,
  Facts,
  How,
  RdmaEvent,
  RdmaObject,
  ReceiveRequest,
  SendRequest,
} from '../contract-verbs.ts';
import { command } from './call.ts';
import type { Context } from './context.ts';
import type { ReceiveQueue, SendQueue } from './driver.ts';
import { pollByCommand, postReceiveByCommand, postSendByCommand } from './kernel-jobs.ts';

/** Jobs: by the mapped queues, or by commands where a form was asked for or no queue is mapped. */

const DONE: CallOutcome<Facts> = { ok: true, value: {} };

function failed(errno: Errno, call: string): CallOutcome<never> {
  return { ok: false, errno, call };
}

export function postSend(
  context: Context,
  qp: RdmaObject,
  requests: readonly SendRequest[],
  how: How,
): CallOutcome<Facts> {
  const queue = context.qps.get(qp);
  if (how.abi !== undefined || queue?.send === undefined) {
    return postSendByCommand(context, qp, requests, how);
  }
  const { count, errno } = queue.send.post(requests);
  if (count > 0 || requests.length === 0) {
    const errno = ringSend(context, queue.send, queue.doorbell);
    if (errno !== 0) return failed(errno, 'POST_SEND as doorbell');
  }
  return errno === 0 ? DONE : failed(errno, `work request ${count} of a send queue`);
}

function ringSend(context: Context, send: SendQueue, doorbell: Buffer): Errno {
  if (send.ring === undefined) return tryWrite(context.fd, doorbell).errno;
  send.ring();
  return 0;
}

export function postReceive(
  context: Context,
  object: RdmaObject,
  requests: readonly ReceiveRequest[],
  how: How,
): CallOutcome<Facts> {
  const queue = receivesOf(context, object);
  if (how.abi !== undefined || (queue === undefined && object.kind !== 'wq')) {
    return postReceiveByCommand(context, object, requests, how);
  }
  if (queue === undefined) return failed(E.EINVAL, 'a receive into a WQ that has no queue here');
  const { count, errno } = queue.post(requests);
  if (count > 0) queue.ring?.();
  return errno === 0 ? DONE : failed(errno, `work request ${count} of a receive queue`);
}

function receivesOf(context: Context, object: RdmaObject): ReceiveQueue | undefined {
  if (object.kind === 'srq') return context.srqs.get(object);
  if (object.kind === 'wq') return context.wqs.get(object);
  return context.qps.get(object)?.receive;
}

export function pollCq(
  context: Context,
  cq: RdmaObject,
  max: number,
  how: How,
): CallOutcome<readonly Completion[]> {
  const queue = context.cqs.get(cq);
  if (how.abi !== undefined || queue === undefined) return pollByCommand(context, cq, max, how);
  return { ok: true, value: queue.poll(max) };
}

export function armCq(
  context: Context,
  cq: RdmaObject,
  solicitedOnly: boolean,
  how: How,
): CallOutcome<Facts> {
  const queue = how.abi === undefined ? context.cqs.get(cq) : undefined;
  if (queue?.arm !== undefined) {
    const errno = queue.arm(solicitedOnly);
    return errno === 0 ? DONE : failed(errno, 'arming by a doorbell');
  }
  const answer = command(context, {
    command: uverbsCommands.REQ_NOTIFY_CQ,
    request: h.ib_uverbs_req_notify_cq.make({
      cq_handle: cq.handle,
      solicited_only: solicitedOnly ? 1 : 0,
    }),
    abi: how.abi,
  });
  return answer.ok ? DONE : answer;
}

/** A channel gives 8 bytes, the event file 16. Source: uverbs_main.c, ib_uverbs_event_read() */
export function readEvent(context: Context, file: RdmaObject): CallOutcome<RdmaEvent> {
  const isChannel = file.kind === 'channel';
  const bytes = isChannel
    ? h.ib_uverbs_comp_event_desc.make()
    : h.ib_uverbs_async_event_desc.make();
  const { ret, errno } = tryRead(file.handle, bytes);
  if (errno !== 0) return failed(errno, 'read of an event');
  if (ret < bytes.length) return failed(E.EIO, `read of an event, ${ret} bytes of ${bytes.length}`);
  if (isChannel) {
    for (const queue of context.cqs.queues()) queue.eventRead?.(file);
    const element = h.ib_uverbs_comp_event_desc.get(bytes, 'cq_handle');
    return { ok: true, value: { element, type: 0 } };
  }
  const { element, event_type } = h.ib_uverbs_async_event_desc.decode(bytes);
  return { ok: true, value: { element, type: event_type } };
}
