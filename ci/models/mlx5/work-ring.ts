import type { PageList } from '../page-list.ts';
import * as h from './headers/ifc.ts';
import { queuePages } from './queue-pages.ts';
import type { Slots } from './receives.ts';

/** Where commands that make RMPs, RQs and SQs have the context. */
export const CONTEXT = 32;
/** Their contexts differ, but all have the work queue at the same place. */
const WORK_QUEUE = CONTEXT + h.rmpc.byteOf('wq');

/** How a work queue lies in memory. */
export interface WorkRing {
  readonly pages: PageList;
  readonly slots: Slots;
  readonly record: bigint;
}

/** @param input the command that makes it, in which a list of pages follows */
export function workRing(input: Buffer): WorkRing {
  const queue = input.subarray(WORK_QUEUE);
  const slots = {
    count: 2 ** h.wq.get(queue, 'log_wq_sz'),
    bytes: 2 ** h.wq.get(queue, 'log_wq_stride'),
  };
  const pages = queuePages(input, {
    at: WORK_QUEUE + h.wq.byteOf('pas.pa_h'),
    logPage: h.wq.get(queue, 'log_wq_pg_sz'),
    pageOffset: h.wq.get(queue, 'page_offset'),
    bytes: slots.count * slots.bytes,
  });
  return { pages, slots, record: h.wq.big(queue, 'dbr_addr') };
}
