import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { F_GETFL, F_SETFL, O_NONBLOCK } from '../../uapi/constants.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { tryFcntl } from '../../uapi/sys-file.ts';
import type { CreateRequests, How, RdmaObject } from '../contract-verbs.ts';
import { type Answer, command } from './call.ts';
import { type Context, rdmaObject } from './context.ts';
import { NO_DRIVER_DATA } from './driver.ts';

/** Completion queues and the channels that tell of them. */

export function createChannel(context: Context, how: How): CallOutcome<RdmaObject> {
  const answer = command(context, {
    name: 'CREATE_COMP_CHANNEL',
    id: h.IB_USER_VERBS_CMD_CREATE_COMP_CHANNEL,
    request: h.ib_uverbs_create_comp_channel.make(),
    responseSize: h.ib_uverbs_create_comp_channel_resp.size,
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const fd = h.ib_uverbs_create_comp_channel_resp.get(answer.value.response, 'fd');
  return { ok: true, value: eventFile('channel', fd) };
}

/** A file of events that a reader never waits for. */
export function eventFile(kind: 'channel' | 'async-events', fd: number): RdmaObject {
  tryFcntl(fd, F_SETFL, tryFcntl(fd, F_GETFL).ret | O_NONBLOCK);
  return rdmaObject(kind, fd);
}

const NO_CHANNEL = -1;

export function createCq(
  context: Context,
  want: CreateRequests['cq'],
  how: How,
): CallOutcome<RdmaObject> {
  const made =
    want.flags === undefined ? plainCq(context, want, how) : flaggedCq(context, want, how);
  if (!made.ok) return made;
  const { cq_handle, cqe } = h.ib_uverbs_create_cq_resp.decode(made.value.response);
  const object = rdmaObject('cq', cq_handle, { entries: cqe });
  const response = made.value.driver;
  const queue = context.part.queues?.openCq({ fd: context.fd, object, want, response });
  if (queue === undefined) return { ok: true, value: object };
  if (!queue.ok) return queue;
  context.cqs.add(object, queue.value);
  return { ok: true, value: object };
}

function plainCq(context: Context, want: CreateRequests['cq'], how: How): CallOutcome<Answer> {
  return command(context, {
    name: 'CREATE_CQ',
    id: h.IB_USER_VERBS_CMD_CREATE_CQ,
    request: h.ib_uverbs_create_cq.make({
      user_handle: want.userHandle ?? 0n,
      cqe: want.entries,
      comp_vector: want.vector ?? 0,
      comp_channel: want.channel?.handle ?? NO_CHANNEL,
    }),
    responseSize: h.ib_uverbs_create_cq_resp.size,
    driver: context.part.driverData?.('cq', want) ?? NO_DRIVER_DATA,
    abi: how.abi,
  });
}

function flaggedCq(context: Context, want: CreateRequests['cq'], how: How): CallOutcome<Answer> {
  return command(context, {
    name: 'EX_CREATE_CQ',
    id: h.IB_USER_VERBS_CMD_CREATE_CQ,
    extended: true,
    request: h.ib_uverbs_ex_create_cq.make({
      user_handle: want.userHandle ?? 0n,
      cqe: want.entries,
      comp_vector: want.vector ?? 0,
      comp_channel: want.channel?.handle ?? NO_CHANNEL,
      flags: want.flags ?? 0,
    }),
    responseSize: h.ib_uverbs_ex_create_cq_resp.size,
    driver: context.part.driverData?.('cq', want) ?? NO_DRIVER_DATA,
    abi: how.abi,
  });
}

export function resizeCq(
  context: Context,
  cq: RdmaObject,
  entries: number,
  how: How,
): CallOutcome<RdmaObject> {
  const answer = command(context, {
    name: 'RESIZE_CQ',
    id: h.IB_USER_VERBS_CMD_RESIZE_CQ,
    request: h.ib_uverbs_resize_cq.make({ cq_handle: cq.handle, cqe: entries }),
    responseSize: h.ib_uverbs_resize_cq_resp.size,
    driver: context.part.driverData?.('resize-cq', { entries }) ?? NO_DRIVER_DATA,
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const granted = h.ib_uverbs_resize_cq_resp.get(answer.value.response, 'cqe');
  const object = rdmaObject('cq', cq.handle, { entries: granted });
  const queue = context.cqs.get(cq);
  const mapped = queue?.remap?.(answer.value.driver);
  if (mapped !== undefined && !mapped.ok) return mapped;
  if (queue !== undefined) context.cqs.add(object, queue);
  return { ok: true, value: object };
}
