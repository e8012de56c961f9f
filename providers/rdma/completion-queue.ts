import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { F_GETFL, F_SETFL, O_NONBLOCK } from '../../uapi/constants.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { uverbsCommands } from '../../uapi/headers/rdma/uverbs-commands.ts';
import { uverbsMethods } from '../../uapi/headers/rdma/uverbs-methods.ts';
import { tryFcntl } from '../../uapi/sys-file.ts';
import type { CreateRequests, GivenMemory, How, RdmaObject } from '../contract-verbs.ts';
import { type Answer, byMethod, command, method, room } from './call.ts';
import { type Context, rdmaObject } from './context.ts';
import type { CompletionQueue, DriverData } from './driver.ts';
import { keepMemory, openQueue, withQueueMemory } from './queue-memory.ts';

/** Completion queues and the channels that tell of them. */

export function createChannel(context: Context, how: How): CallOutcome<RdmaObject> {
  const answer = command(context, {
    command: uverbsCommands.CREATE_COMP_CHANNEL,
    request: h.ib_uverbs_create_comp_channel.make(),
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const fd = h.ib_uverbs_create_comp_channel_resp.get(answer.value.response, 'fd');
  return { ok: true, value: eventFile('channel', fd) };
}

/** One more file of asynchronous events. */
export function allocAsyncEvents(context: Context): CallOutcome<RdmaObject> {
  const values = { ASYNC_EVENT_ALLOC_FD_HANDLE: 'new' as const };
  const answer = method(context, uverbsMethods.ASYNC_EVENT_ALLOC, values);
  if (!answer.ok) return answer;
  const fd = answer.value.result.fd('ASYNC_EVENT_ALLOC_FD_HANDLE');
  return { ok: true, value: eventFile('async-events', fd) };
}

/** A file of events that a reader never waits for. */
export function eventFile(kind: 'channel' | 'async-events', fd: number): RdmaObject {
  tryFcntl(fd, F_SETFL, tryFcntl(fd, F_GETFL).ret | O_NONBLOCK);
  return rdmaObject(kind, fd);
}

type CqWanted = CreateRequests['cq'];

const NO_CHANNEL = -1;

/** A CQ that the kernel has made, whatever the form. */
interface MadeCq {
  readonly handle: number;
  readonly entries: number;
  readonly driver: Buffer;
}

export function createCq(context: Context, asked: CqWanted, how: How): CallOutcome<RdmaObject> {
  const want = context.part.prepare?.cq?.(asked) ?? asked;
  const outcome = withQueueMemory(context, 'cq', want, (data) =>
    byMethod(how) ? cqByMethod(context, want, data) : cqByCommand(context, want, data, how),
  );
  if (!outcome.ok) return outcome;
  const { made, memory } = outcome.value;
  const { handle, entries, driver } = made;
  const object = rdmaObject('cq', handle, { entries });
  return openQueue<'cq', CompletionQueue>(
    context,
    { object, want, response: driver, memory },
    context.part.queues?.openCq,
    (queue) => context.cqs.add(object, queue),
  );
}

function cqByMethod(context: Context, want: CqWanted, data: DriverData): CallOutcome<MadeCq> {
  const values = {
    CREATE_CQ_HANDLE: 'new' as const,
    CREATE_CQ_CQE: want.entries,
    CREATE_CQ_USER_HANDLE: want.userHandle ?? 0n,
    CREATE_CQ_COMP_CHANNEL: want.channel?.handle,
    CREATE_CQ_COMP_VECTOR: want.vector ?? 0,
    CREATE_CQ_FLAGS: want.flags,
    CREATE_CQ_RESP_CQE: room(4),
    ...(want.memory && memoryValues(want.memory)),
  };
  const answer = method(context, uverbsMethods.CQ_CREATE, values, data);
  if (!answer.ok) return answer;
  const { result, driver } = answer.value;
  const entries = Number(result.number('CREATE_CQ_RESP_CQE'));
  return { ok: true, value: { handle: result.handle('CREATE_CQ_HANDLE'), entries, driver } };
}

/** Source: drivers/infiniband/core/umem.c, uverbs_create_cq_get_buffer_desc() */
function memoryValues({ dmabuf, address, length }: GivenMemory) {
  const place =
    dmabuf === undefined
      ? { CREATE_CQ_BUFFER_VA: address }
      : { CREATE_CQ_BUFFER_FD: dmabuf, CREATE_CQ_BUFFER_OFFSET: address };
  return { ...place, CREATE_CQ_BUFFER_LENGTH: length };
}

/** The plain command carries no flags, and none a place for the completions. */
function cqByCommand(
  context: Context,
  want: CqWanted,
  data: DriverData,
  how: How,
): CallOutcome<MadeCq> {
  if (want.memory !== undefined) throw new TypeError('no command puts a CQ into memory');
  const made = (want.flags === undefined ? plainCq : flaggedCq)(context, want, data, how);
  if (!made.ok) return made;
  const { cq_handle, cqe } = h.ib_uverbs_create_cq_resp.decode(made.value.response);
  return { ok: true, value: { handle: cq_handle, entries: cqe, driver: made.value.driver } };
}

function plainCq(
  context: Context,
  want: CqWanted,
  driver: DriverData,
  how: How,
): CallOutcome<Answer> {
  return command(context, {
    command: uverbsCommands.CREATE_CQ,
    request: h.ib_uverbs_create_cq.make({
      user_handle: want.userHandle ?? 0n,
      cqe: want.entries,
      comp_vector: want.vector ?? 0,
      comp_channel: want.channel?.handle ?? NO_CHANNEL,
    }),
    driver,
    abi: how.abi,
  });
}

function flaggedCq(
  context: Context,
  want: CqWanted,
  driver: DriverData,
  how: How,
): CallOutcome<Answer> {
  return command(context, {
    command: uverbsCommands.EX_CREATE_CQ,
    request: h.ib_uverbs_ex_create_cq.make({
      user_handle: want.userHandle ?? 0n,
      cqe: want.entries,
      comp_vector: want.vector ?? 0,
      comp_channel: want.channel?.handle ?? NO_CHANNEL,
      flags: want.flags ?? 0,
    }),
    driver,
    abi: how.abi,
  });
}

export function resizeCq(
  context: Context,
  cq: RdmaObject,
  entries: number,
  how: How,
): CallOutcome<RdmaObject> {
  const outcome = withQueueMemory(context, 'resize-cq', { entries }, (driver) =>
    command(context, {
      command: uverbsCommands.RESIZE_CQ,
      request: h.ib_uverbs_resize_cq.make({ cq_handle: cq.handle, cqe: entries }),
      driver,
      abi: how.abi,
    }),
  );
  if (!outcome.ok) return outcome;
  const { made, memory } = outcome.value;
  const granted = h.ib_uverbs_resize_cq_resp.get(made.response, 'cqe');
  const object = rdmaObject('cq', cq.handle, { entries: granted });
  const queue = context.cqs.get(cq);
  if (queue === undefined) return keepMemory(context, object, memory);
  const mapped = queue.remap?.(made.driver, { entries: granted, memory });
  if (mapped !== undefined && !mapped.ok) return mapped;
  context.cqs.add(object, queue);
  return { ok: true, value: object };
}
