import { part } from '../bits.ts';
import type { ReadMemory } from '../page-list.ts';
import { must, mustBeIdle, mustFind } from '../refusal.ts';
import { findPages } from './doorbell-pages.ts';
import {
  CQE_SIZE,
  ERDMA_CMD_CREATE_CQ_CQN_MASK,
  ERDMA_CMD_CREATE_CQ_DB_CFG_MASK,
  ERDMA_CMD_CREATE_CQ_DEPTH_MASK,
  ERDMA_CMD_CREATE_CQ_EQN_MASK,
  ERDMA_CMD_CREATE_CQ_MTT_CNT_MASK,
  ERDMA_CMD_CREATE_CQ_MTT_DB_CFG_MASK,
  ERDMA_CMD_CREATE_CQ_MTT_LEVEL_MASK,
  ERDMA_CMD_CREATE_CQ_PAGESIZE_MASK,
  ERDMA_HW_PAGE_SHIFT,
  erdma_cmdq_create_cq_req,
  erdma_cmdq_destroy_cq_req,
} from './headers/erdma-hw.ts';
import { LIMITS } from './limits.ts';
import type { CompletionQueue, Objects } from './objects.ts';
import { readQueueBuffer } from './page-table.ts';

export function findCq({ cqs }: Objects, number: number): CompletionQueue {
  return mustFind(cqs.get(number), `CQ ${number}`);
}

export function createCq(objects: Objects, read: ReadMemory, entry: Buffer): void {
  const { cfg0, cfg1, cfg2, ...command } = erdma_cmdq_create_cq_req.decode(entry);
  const number = part(cfg0, ERDMA_CMD_CREATE_CQ_CQN_MASK);
  must(number > 0 && number < LIMITS.maxCq && !objects.cqs.has(number), `CQ ${number}`);
  const depth = 2 ** part(cfg0, ERDMA_CMD_CREATE_CQ_DEPTH_MASK);
  must(depth <= LIMITS.maxCqe, `a CQ of ${depth} entries`);
  const eqn = part(cfg1, ERDMA_CMD_CREATE_CQ_EQN_MASK);
  const eventQueue = mustFind(objects.eqs.get(eqn), `EQ ${eqn}`);
  const firstOffset = command.first_page_offset;
  must(firstOffset % CQE_SIZE === 0, `a CQ at ${firstOffset}`);
  const pages = readQueueBuffer(read, {
    shift: part(cfg0, ERDMA_CMD_CREATE_CQ_PAGESIZE_MASK) + ERDMA_HW_PAGE_SHIFT,
    firstOffset,
    count: part(cfg1, ERDMA_CMD_CREATE_CQ_MTT_CNT_MASK),
    isIndirect: part(cfg1, ERDMA_CMD_CREATE_CQ_MTT_LEVEL_MASK) === 1,
    address: command.qbuf_addr_h * 2 ** 32 + command.qbuf_addr_l,
    more: [],
    bytes: depth * CQE_SIZE,
  });
  const isExtended = part(cfg1, ERDMA_CMD_CREATE_CQ_MTT_DB_CFG_MASK) === 1;
  const page = part(cfg2, ERDMA_CMD_CREATE_CQ_DB_CFG_MASK);
  const doorbells = isExtended ? findPages(objects, 'completion', page) : undefined;
  for (const parent of [eventQueue, doorbells]) if (parent !== undefined) parent.users++;
  objects.cqs.set(number, {
    number,
    pages,
    depth,
    eventQueue,
    doorbells,
    users: 0,
    produced: 0,
    solicited: 0,
    arming: 'none',
  });
}

export function destroyCq(objects: Objects, entry: Buffer): void {
  const number = erdma_cmdq_destroy_cq_req.get(entry, 'cqn');
  const cq = findCq(objects, number);
  mustBeIdle(cq, `CQ ${number}`);
  objects.cqs.delete(number);
  for (const parent of [cq.eventQueue, cq.doorbells]) if (parent !== undefined) parent.users--;
}
