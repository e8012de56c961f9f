import { readerOf } from '../page-list.ts';
import { must, Refusal } from '../refusal.ts';
import type { Host } from '../vfio-user/device.ts';
import { type Answer, type Command, NOTHING } from './command-queue.ts';
import { createCq, destroyCq } from './completion-queues.ts';
import { configureDevice, configureMtu, queryDevice, queryFirmware } from './device-commands.ts';
import { allocDoorbells, freeDoorbells } from './doorbell-pages.ts';
import { createEq, destroyEq } from './event-queue-commands.ts';
import {
  CMDQ_OPCODE_ALLOC_DB,
  CMDQ_OPCODE_CONF_DEVICE,
  CMDQ_OPCODE_CONF_MTU,
  CMDQ_OPCODE_CREATE_AH,
  CMDQ_OPCODE_CREATE_CQ,
  CMDQ_OPCODE_CREATE_EQ,
  CMDQ_OPCODE_CREATE_QP,
  CMDQ_OPCODE_DEREG_MR,
  CMDQ_OPCODE_DESTROY_AH,
  CMDQ_OPCODE_DESTROY_CQ,
  CMDQ_OPCODE_DESTROY_EQ,
  CMDQ_OPCODE_DESTROY_QP,
  CMDQ_OPCODE_FREE_DB,
  CMDQ_OPCODE_GET_STATS,
  CMDQ_OPCODE_MODIFY_QP,
  CMDQ_OPCODE_QUERY_DEVICE,
  CMDQ_OPCODE_QUERY_FW_INFO,
  CMDQ_OPCODE_QUERY_QP,
  CMDQ_OPCODE_REFLUSH,
  CMDQ_OPCODE_REG_MR,
  CMDQ_OPCODE_SET_GID,
  CMDQ_SUBMOD_COMMON,
  CMDQ_SUBMOD_RDMA,
} from './headers/erdma-hw.ts';
import { deregisterMr, registerMr } from './memory-regions.ts';
import type { Objects } from './objects.ts';
import {
  createQp,
  destroyQp,
  modifyQp,
  type QueuePairActions,
  queryQp,
  reflushQp,
} from './queue-pairs.ts';
import { createAh, destroyAh, setGid } from './routes.ts';
import type { Statistics } from './statistics.ts';

/** What commands work on. */
export interface CommandContext {
  readonly host: Host;
  readonly objects: Objects;
  readonly statistics: Statistics;
  readonly actions: QueuePairActions;
}

type Handler = (context: CommandContext, entry: Buffer) => Answer;

/** A command that has nothing to answer. */
const deed =
  (act: (context: CommandContext, entry: Buffer) => void): Handler =>
  (context, entry) => {
    act(context, entry);
    return NOTHING;
  };

const RDMA: Readonly<Record<number, Handler>> = {
  [CMDQ_OPCODE_QUERY_DEVICE]: () => queryDevice(),
  [CMDQ_OPCODE_CREATE_QP]: deed(({ host, objects }, entry) =>
    createQp(objects, readerOf(host.memory), entry),
  ),
  [CMDQ_OPCODE_DESTROY_QP]: deed(({ objects, actions }, entry) =>
    destroyQp(objects, actions, entry),
  ),
  [CMDQ_OPCODE_MODIFY_QP]: deed(({ objects, actions }, entry) => modifyQp(objects, actions, entry)),
  [CMDQ_OPCODE_CREATE_CQ]: deed(({ host, objects }, entry) =>
    createCq(objects, readerOf(host.memory), entry),
  ),
  [CMDQ_OPCODE_DESTROY_CQ]: deed(({ objects }, entry) => destroyCq(objects, entry)),
  [CMDQ_OPCODE_REFLUSH]: deed(({ objects, actions }, entry) => reflushQp(objects, actions, entry)),
  [CMDQ_OPCODE_REG_MR]: deed(({ host, objects }, entry) =>
    registerMr(objects, readerOf(host.memory), entry),
  ),
  [CMDQ_OPCODE_DEREG_MR]: deed(({ objects }, entry) => deregisterMr(objects, entry)),
  [CMDQ_OPCODE_SET_GID]: deed(({ objects }, entry) => setGid(objects, entry)),
  [CMDQ_OPCODE_CREATE_AH]: deed(({ objects }, entry) => createAh(objects, entry)),
  [CMDQ_OPCODE_DESTROY_AH]: deed(({ objects }, entry) => destroyAh(objects, entry)),
  [CMDQ_OPCODE_QUERY_QP]: ({ objects }, entry) => queryQp(objects, entry),
};

const COMMON: Readonly<Record<number, Handler>> = {
  [CMDQ_OPCODE_CREATE_EQ]: deed(({ host, objects }, entry) => createEq(host, objects, entry)),
  [CMDQ_OPCODE_DESTROY_EQ]: deed(({ objects }, entry) => destroyEq(objects, entry)),
  [CMDQ_OPCODE_QUERY_FW_INFO]: () => queryFirmware(),
  [CMDQ_OPCODE_CONF_MTU]: deed(({ objects }, entry) => configureMtu(objects, entry)),
  [CMDQ_OPCODE_GET_STATS]: deed(({ host, statistics }, entry) => statistics.report(host, entry)),
  [CMDQ_OPCODE_CONF_DEVICE]: deed((_context, entry) => configureDevice(entry)),
  [CMDQ_OPCODE_ALLOC_DB]: ({ objects }, entry) => allocDoorbells(objects, entry),
  [CMDQ_OPCODE_FREE_DB]: deed(({ objects }, entry) => freeDoorbells(objects, entry)),
};

/** @throws Refusal */
export function carryOut({ module, opcode, entry }: Command, context: CommandContext): Answer {
  must(module === CMDQ_SUBMOD_RDMA || module === CMDQ_SUBMOD_COMMON, `there is no part ${module}`);
  const handler = (module === CMDQ_SUBMOD_RDMA ? RDMA : COMMON)[opcode];
  if (handler === undefined) throw new Refusal('opcode', 'there is no such command');
  return handler(context, entry);
}
