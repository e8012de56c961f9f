import { efa_io_rx_cdesc, efa_io_rx_cdesc_ex } from '../../../providers/rdma/efa/io-defs.ts';
import { must, mustBeIdle, mustFind, mustFit, Refusal } from '../refusal.ts';
import type { Doorbells } from './doorbells.ts';
import { addressOf, isPowerOfTwo } from './event-queues.ts';
import {
  EFA_ADMIN_CREATE_CQ_CMD_CQ_ENTRY_SIZE_WORDS_MASK,
  EFA_ADMIN_CREATE_CQ_CMD_INTERRUPT_MODE_ENABLED_MASK,
  EFA_ADMIN_CREATE_CQ_CMD_SET_SRC_ADDR_MASK,
  EFA_ADMIN_CREATE_CQ_CMD_VIRT_MASK,
  EFA_ADMIN_CREATE_CQ_RESP_DB_VALID_MASK,
  efa_admin_create_cq_cmd,
  efa_admin_create_cq_resp,
  efa_admin_destroy_cq_cmd,
  efa_admin_destroy_cq_resp,
} from './headers/efa-admin-cmds-defs.ts';
import { LIMITS } from './limits.ts';
import type { CompletionQueue, Objects } from './objects.ts';

export function findCq({ cqs }: Objects, id: number): CompletionQueue {
  return mustFind(cqs.get(id), `CQ ${id}`);
}

/** What the header asks of a command is checked; whether a device does is not known of all of it. */
export function createCq(objects: Objects, doorbells: Doorbells, payload: Buffer): Buffer {
  const command = efa_admin_create_cq_cmd.decode(payload);
  const { cq_caps_1: caps1, cq_caps_2: caps2, sub_cq_depth: depth, num_sub_cqs, eqn } = command;
  if ((caps1 & EFA_ADMIN_CREATE_CQ_CMD_VIRT_MASK) !== 0) {
    throw new Refusal('unsupported', 'a CQ at a virtual address');
  }
  const entryBytes = 4 * (caps2 & EFA_ADMIN_CREATE_CQ_CMD_CQ_ENTRY_SIZE_WORDS_MASK);
  const hasSourceAddress = (caps2 & EFA_ADMIN_CREATE_CQ_CMD_SET_SRC_ADDR_MASK) !== 0;
  const isLong = entryBytes === efa_io_rx_cdesc_ex.size;
  must(isLong || entryBytes === efa_io_rx_cdesc.size, `completions of ${entryBytes} bytes`);
  must(isLong || !hasSourceAddress, 'short completions with an address');
  must(isPowerOfTwo(depth) && depth <= LIMITS.maxCqDepth, `a CQ of ${depth} entries`);
  must(num_sub_cqs === LIMITS.subCqsPerCq, `${num_sub_cqs} parts of a CQ`);
  const uar = mustFind(objects.uars.get(command.uar), `UAR ${command.uar}`);
  const hasEvents = (caps1 & EFA_ADMIN_CREATE_CQ_CMD_INTERRUPT_MODE_ENABLED_MASK) !== 0;
  const eventQueue = hasEvents ? mustFind(objects.eqs.get(eqn), `EQ ${eqn}`) : undefined;
  const base = addressOf(command.cq_ba);
  const doorbell = doorbells.add(uar, { kind: 'cq', cq: () => objects.cqs.get(id) });
  const made = objects.cqs.add((number) => ({
    id: number,
    uar,
    base,
    entryBytes,
    depth,
    hasSourceAddress,
    eventQueue,
    doorbell,
    users: 0,
    produced: 0,
    isArmed: false,
  }));
  if (made === undefined) doorbells.remove(doorbell);
  const id = mustFit(made, 'CQ');
  uar.users++;
  if (eventQueue !== undefined) eventQueue.users++;
  const flags = hasEvents ? EFA_ADMIN_CREATE_CQ_RESP_DB_VALID_MASK : 0;
  return efa_admin_create_cq_resp.make({
    cq_idx: id,
    sub_cq_actual_depth: depth,
    db_offset: doorbell,
    flags,
  });
}

export function destroyCq(objects: Objects, doorbells: Doorbells, payload: Buffer): Buffer {
  const id = efa_admin_destroy_cq_cmd.get(payload, 'cq_idx');
  const cq = findCq(objects, id);
  mustBeIdle(cq, `CQ ${id}`);
  doorbells.remove(cq.doorbell);
  objects.cqs.remove(id);
  cq.uar.users--;
  if (cq.eventQueue !== undefined) cq.eventQueue.users--;
  return efa_admin_destroy_cq_resp.make();
}
