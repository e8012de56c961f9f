import { must, mustBeIdle, mustFind, mustFit } from '../refusal.ts';
import type { Host } from '../vfio-user/device.ts';
import {
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS,
  EFA_ADMIN_EVENT_COUNTER_MODIFY_ADD,
  EFA_ADMIN_EVENT_COUNTER_MODIFY_SET,
  EFA_ADMIN_QP_STATE_INIT,
  EFA_ADMIN_QP_STATE_RESET,
  efa_admin_attach_detach_event_counter_cmd,
  efa_admin_attach_detach_event_counter_resp,
  efa_admin_create_event_counter_cmd,
  efa_admin_create_event_counter_resp,
  efa_admin_destroy_event_counter_cmd,
  efa_admin_destroy_event_counter_resp,
  efa_admin_modify_event_counter_cmd,
  efa_admin_modify_event_counter_resp,
} from './headers/efa-admin-cmds-defs.ts';
import { COUNTED_EVENTS, MAX_COUNT } from './limits.ts';
import type { EventCounter, Objects, QueuePair } from './objects.ts';
import { findQp } from './queue-pairs.ts';

/**
 * Counters of completions (Linux 7.3). What they do is in rdma-core's manual (ibv_create_comp_cntr,
 * ibv_qp_attach_comp_cntr, ibv_query_comp_cntr_caps) and in what their author said of EFA on linux-rdma:
 * the count is the device's own, and each change of it is written to memory.
 */

const COUNT_BYTES = 8;

function findCounter({ eventCounters }: Objects, handle: number): EventCounter {
  return mustFind(eventCounters.get(handle), `event counter ${handle}`);
}

/** That memory stays as it is until the count changes is a guess. */
export function createEventCounter(objects: Objects, payload: Buffer): Buffer {
  const { uar: uarId, paddr } = efa_admin_create_event_counter_cmd.decode(payload);
  const uar = mustFind(objects.uars.get(uarId), `UAR ${uarId}`);
  must(paddr % BigInt(COUNT_BYTES) === 0n, 'a counter that is not aligned');
  const address = Number(paddr);
  const handle = mustFit(
    objects.eventCounters.add((id) => ({ id, uar, address, users: 0, count: 0n })),
    'event counter',
  );
  uar.users++;
  return efa_admin_create_event_counter_resp.make({ cntr_handle: handle });
}

export function destroyEventCounter(objects: Objects, payload: Buffer): Buffer {
  const handle = efa_admin_destroy_event_counter_cmd.get(payload, 'cntr_handle');
  const counter = findCounter(objects, handle);
  mustBeIdle(counter, `event counter ${handle}`);
  objects.eventCounters.remove(handle);
  counter.uar.users--;
  return efa_admin_destroy_event_counter_resp.make();
}

/** How a device takes a value above the highest is not known; here it is refused. */
export function modifyEventCounter(objects: Objects, host: Host, payload: Buffer): Buffer {
  const { cntr_handle, operation, value } = efa_admin_modify_event_counter_cmd.decode(payload);
  const counter = findCounter(objects, cntr_handle);
  const isSet = operation === EFA_ADMIN_EVENT_COUNTER_MODIFY_SET;
  must(isSet || operation === EFA_ADMIN_EVENT_COUNTER_MODIFY_ADD, `operation ${operation}`);
  must(value <= MAX_COUNT, `a count of ${value}`);
  change(host, counter, isSet ? value : counter.count + value);
  return efa_admin_modify_event_counter_resp.make();
}

type AttachCommand = ReturnType<typeof efa_admin_attach_detach_event_counter_cmd.decode>;

function partsOf(objects: Objects, { cntr_handle, attach_type, u }: AttachCommand) {
  const { qp_handle, events } = u.qp_events;
  must(attach_type === EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS, `attach type ${attach_type}`);
  must((events & ~COUNTED_EVENTS) === 0, `events 0x${events.toString(16)}`);
  const counter = findCounter(objects, cntr_handle);
  const qp = findQp(objects, qp_handle);
  // A guess: else a process could have the completions of another counted.
  must(counter.uar === qp.uar, 'a counter and a QP of two processes');
  return { counter, qp, events };
}

/**
 * The driver attaches an errors' counter for no event at all, where users ask for remote operations
 * alone (efa_verbs.c, efa_comp_cntr_op_to_err_events()): so that is no error.
 */
export function attachEventCounter(objects: Objects, payload: Buffer): Buffer {
  const command = efa_admin_attach_detach_event_counter_cmd.decode(payload);
  const { counter, qp, events } = partsOf(objects, command);
  const isEarly = qp.state === EFA_ADMIN_QP_STATE_RESET || qp.state === EFA_ADMIN_QP_STATE_INIT;
  must(isEarly, `a QP in state ${qp.state}`);
  const isFree = qp.attached.every((one) => (one.events & events) === 0);
  must(isFree, 'an event that is counted already');
  if (events !== 0) {
    qp.attached.push({ counter, events });
    counter.users++;
  }
  return efa_admin_attach_detach_event_counter_resp.make();
}

/** Undoes one attachment, whole; whether a part of its events can go is not known. */
export function detachEventCounter(objects: Objects, payload: Buffer): Buffer {
  const command = efa_admin_attach_detach_event_counter_cmd.decode(payload);
  const { counter, qp, events } = partsOf(objects, command);
  const isMeant = (one: QueuePair['attached'][number]) =>
    one.counter === counter && one.events === events;
  const at = qp.attached.findIndex(isMeant);
  must(at >= 0, 'a counter that is not attached so');
  qp.attached.splice(at, 1);
  counter.users--;
  return efa_admin_attach_detach_event_counter_resp.make();
}

/** An event of a queue pair, as one bit of EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_…. */
export function countEvent(host: Host, qp: QueuePair, event: number): void {
  for (const { counter, events } of qp.attached) {
    if ((events & event) !== 0) change(host, counter, counter.count + 1n);
  }
}

/** What would be more than the highest value goes on from zero. */
function change(host: Host, counter: EventCounter, count: bigint): void {
  counter.count = count % (MAX_COUNT + 1n);
  const bytes = Buffer.alloc(COUNT_BYTES);
  bytes.writeBigUInt64LE(counter.count);
  const isWritten = host.memory.write(counter.address, bytes);
  if (!isWritten) host.say(`event counter ${counter.id} cannot be reached`);
}
