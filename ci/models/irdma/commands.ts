import { widePart } from '../bits.ts';
import { must, mustFind, Refusal } from '../refusal.ts';
import type { Host } from '../vfio-user/device.ts';
import type { CompletionQueue } from './completion-queue.ts';
import { createCq, destroyCq, modifyCq } from './completion-queue-commands.ts';
import type { Command } from './control-queue.ts';
import {
  createAsyncEvents,
  createEventQueue,
  destroyAsyncEvents,
  destroyEventQueue,
} from './event-queue-commands.ts';
import {
  IRDMA_CQP_OP_ALLOC_STAG,
  IRDMA_CQP_OP_COMMIT_FPM_VAL,
  IRDMA_CQP_OP_CREATE_ADDR_HANDLE,
  IRDMA_CQP_OP_CREATE_AEQ,
  IRDMA_CQP_OP_CREATE_CEQ,
  IRDMA_CQP_OP_CREATE_CQ,
  IRDMA_CQP_OP_CREATE_MCAST_GRP,
  IRDMA_CQP_OP_CREATE_QP,
  IRDMA_CQP_OP_CREATE_SRQ,
  IRDMA_CQP_OP_DEALLOC_STAG,
  IRDMA_CQP_OP_DESTROY_ADDR_HANDLE,
  IRDMA_CQP_OP_DESTROY_AEQ,
  IRDMA_CQP_OP_DESTROY_CEQ,
  IRDMA_CQP_OP_DESTROY_CQ,
  IRDMA_CQP_OP_DESTROY_MCAST_GRP,
  IRDMA_CQP_OP_DESTROY_QP,
  IRDMA_CQP_OP_DESTROY_SRQ,
  IRDMA_CQP_OP_FLUSH_WQES,
  IRDMA_CQP_OP_GATHER_STATS,
  IRDMA_CQP_OP_MANAGE_ARP,
  IRDMA_CQP_OP_MANAGE_QUAD_HASH_TABLE_ENTRY,
  IRDMA_CQP_OP_MANAGE_STATS,
  IRDMA_CQP_OP_MODIFY_CQ,
  IRDMA_CQP_OP_MODIFY_MCAST_GRP,
  IRDMA_CQP_OP_MODIFY_QP,
  IRDMA_CQP_OP_MODIFY_SRQ,
  IRDMA_CQP_OP_NOP,
  IRDMA_CQP_OP_QUERY_FPM_VAL,
  IRDMA_CQP_OP_QUERY_RDMA_FEATURES,
  IRDMA_CQP_OP_REG_MR,
  IRDMA_CQP_OP_RESUME_QP,
  IRDMA_CQP_OP_SHMC_PAGES_ALLOCATED,
  IRDMA_CQP_OP_SUSPEND_QP,
  IRDMA_CQP_OP_UP_MAP,
  IRDMA_CQP_OP_UPDATE_PE_SDS,
  IRDMA_CQP_OP_WORK_SCHED_NODE,
  IRDMA_CQPSQ_QUERY_RDMA_FEATURES_BUF_LEN,
} from './headers/defs.ts';
import { allocateKey, freeKey, registerMr } from './keys.ts';
import {
  COMMIT_BYTES,
  describeFeatures,
  describeMemory,
  placeObjects,
} from './memory-configuration.ts';
import type { Objects } from './objects.ts';
import { createQp, destroyQp, flushQp, modifyQp, resumeQp, suspendQp } from './queue-pairs.ts';
import { createAh, destroyAh, manageArp } from './routes.ts';
import { updateSegments } from './segments.ts';
import { createSrq, destroySrq, modifySrq } from './shared-receives.ts';

/** user.h, IRDMA_GATHER_STATS_BUF_SIZE. Nothing is sent or received, so all counts are zeros. */
const STATISTICS_BYTES = 1024;

/** What commands work on. */
export interface CommandContext {
  readonly host: Host;
  readonly objects: Objects;
  /** Raises a vector. */
  readonly raise: (vector: number) => void;
  /** The queue that commands themselves complete in, or none. */
  readonly setCommandCompletions: (queue: CompletionQueue | undefined) => void;
}

type Handler = (context: CommandContext, command: Command) => number | undefined;

/** Asked for and done: the network that it would concern is none. */
const nothing: Handler = () => undefined;

/** A command that has nothing to answer. */
const deed =
  (act: (context: CommandContext, command: Command) => void): Handler =>
  (context, command) => {
    act(context, command);
    return undefined;
  };

const HANDLERS: Readonly<Record<number, Handler>> = {
  [IRDMA_CQP_OP_CREATE_QP]: deed(createQp),
  [IRDMA_CQP_OP_MODIFY_QP]: deed(modifyQp),
  [IRDMA_CQP_OP_DESTROY_QP]: deed(destroyQp),
  [IRDMA_CQP_OP_FLUSH_WQES]: deed(flushQp),
  [IRDMA_CQP_OP_SUSPEND_QP]: deed(suspendQp),
  [IRDMA_CQP_OP_RESUME_QP]: deed(resumeQp),
  [IRDMA_CQP_OP_CREATE_CQ]: deed(createCq),
  [IRDMA_CQP_OP_MODIFY_CQ]: deed(modifyCq),
  [IRDMA_CQP_OP_DESTROY_CQ]: deed(destroyCq),
  [IRDMA_CQP_OP_CREATE_SRQ]: deed(createSrq),
  [IRDMA_CQP_OP_MODIFY_SRQ]: deed(modifySrq),
  [IRDMA_CQP_OP_DESTROY_SRQ]: deed(destroySrq),
  [IRDMA_CQP_OP_ALLOC_STAG]: deed(allocateKey),
  [IRDMA_CQP_OP_REG_MR]: deed(registerMr),
  [IRDMA_CQP_OP_DEALLOC_STAG]: deed(freeKey),
  [IRDMA_CQP_OP_CREATE_ADDR_HANDLE]: deed(createAh),
  [IRDMA_CQP_OP_DESTROY_ADDR_HANDLE]: deed(destroyAh),
  [IRDMA_CQP_OP_MANAGE_ARP]: deed(manageArp),
  [IRDMA_CQP_OP_CREATE_CEQ]: deed(createEventQueue),
  [IRDMA_CQP_OP_DESTROY_CEQ]: deed(destroyEventQueue),
  [IRDMA_CQP_OP_CREATE_AEQ]: deed(createAsyncEvents),
  [IRDMA_CQP_OP_DESTROY_AEQ]: deed(destroyAsyncEvents),
  [IRDMA_CQP_OP_UPDATE_PE_SDS]: deed(updateSegments),
  [IRDMA_CQP_OP_QUERY_FPM_VAL]: deed((context, command) =>
    writeBuffer(context, command, describeMemory()),
  ),
  [IRDMA_CQP_OP_COMMIT_FPM_VAL]: deed(commitMemory),
  [IRDMA_CQP_OP_QUERY_RDMA_FEATURES]: deed(queryFeatures),
  [IRDMA_CQP_OP_GATHER_STATS]: deed((context, command) =>
    writeBuffer(context, command, Buffer.alloc(STATISTICS_BYTES)),
  ),
  [IRDMA_CQP_OP_MANAGE_STATS]: nothing,
  [IRDMA_CQP_OP_MANAGE_QUAD_HASH_TABLE_ENTRY]: nothing,
  [IRDMA_CQP_OP_WORK_SCHED_NODE]: nothing,
  [IRDMA_CQP_OP_UP_MAP]: nothing,
  [IRDMA_CQP_OP_CREATE_MCAST_GRP]: nothing,
  [IRDMA_CQP_OP_MODIFY_MCAST_GRP]: nothing,
  [IRDMA_CQP_OP_DESTROY_MCAST_GRP]: nothing,
  [IRDMA_CQP_OP_SHMC_PAGES_ALLOCATED]: nothing,
  [IRDMA_CQP_OP_NOP]: nothing,
};

/** @throws Refusal */
export function carryOut(command: Command, context: CommandContext): number {
  const handler = HANDLERS[command.opcode];
  if (handler === undefined) throw new Refusal('opcode', 'there is no such command');
  return handler(context, command) ?? 0;
}

/** The fifth word of many commands is where their answer goes. */
const bufferOf = ({ entry }: Command): number => Number(entry.readBigUInt64LE(32));

function writeBuffer({ host }: CommandContext, command: Command, bytes: Buffer): void {
  must(host.memory.write(bufferOf(command), bytes), 'the buffer cannot be reached');
}

function queryFeatures(context: CommandContext, command: Command): void {
  const room = widePart(command.head, IRDMA_CQPSQ_QUERY_RDMA_FEATURES_BUF_LEN);
  writeBuffer(context, command, describeFeatures().subarray(0, room));
}

function commitMemory(context: CommandContext, command: Command): void {
  const { host, objects } = context;
  const read = host.memory.read(bufferOf(command), COMMIT_BYTES);
  const buffer = mustFind(read, 'buffer with counts');
  objects.backing.pageEntriesAt = placeObjects(buffer);
  writeBuffer(context, command, buffer);
}
