import { isSet, widePart } from '../bits.ts';
import { must, mustBeIdle, mustFind } from '../refusal.ts';
import type { CommandContext } from './commands.ts';
import type { Command } from './control-queue.ts';
import {
  IRDMA_CQPSQ_SRQ_FIRST_PM_PBL_IDX,
  IRDMA_CQPSQ_SRQ_PD_ID,
  IRDMA_CQPSQ_SRQ_RQSIZE,
  IRDMA_CQPSQ_SRQ_SRQ_ID,
  IRDMA_CQPSQ_SRQ_SRQ_LIMIT,
  IRDMA_CQPSQ_SRQ_VIRTMAP,
} from './headers/defs.ts';
import { LIMITS } from './limits.ts';
import { ringPages } from './ring-memory.ts';

/** The smallest ring has eight blocks, told as 0 (ctrl.c, irdma_get_encoded_wqe_size()). */
const SMALLEST_BYTES = 256;

/** Source: ctrl.c, irdma_sc_srq_create() */
export function createSrq({ objects }: CommandContext, { head, entry }: Command): void {
  const number = widePart(head, IRDMA_CQPSQ_SRQ_SRQ_ID);
  must(number < LIMITS.srqs && !objects.srqs.has(number), `shared queue ${number}`);
  const first = entry.readBigUInt64LE(0);
  objects.srqs.set(number, {
    number,
    pd: widePart(entry.readBigUInt64LE(16), IRDMA_CQPSQ_SRQ_PD_ID),
    pages: ringPages(objects.backing, {
      isMapped: isSet(head, IRDMA_CQPSQ_SRQ_VIRTMAP),
      address: Number(entry.readBigUInt64LE(32)),
      firstEntry: widePart(entry.readBigUInt64LE(48), IRDMA_CQPSQ_SRQ_FIRST_PM_PBL_IDX),
      bytes: SMALLEST_BYTES * 2 ** widePart(first, IRDMA_CQPSQ_SRQ_RQSIZE),
    }),
    shadow: Number(entry.readBigUInt64LE(40)),
    limit: widePart(first, IRDMA_CQPSQ_SRQ_SRQ_LIMIT),
    users: 0,
  });
}

/** Nothing but the limit can change. Source: ctrl.c, irdma_sc_srq_modify() */
export function modifySrq({ objects }: CommandContext, { head, entry }: Command): void {
  const number = widePart(head, IRDMA_CQPSQ_SRQ_SRQ_ID);
  const srq = mustFind(objects.srqs.get(number), `shared queue ${number}`);
  srq.limit = widePart(entry.readBigUInt64LE(0), IRDMA_CQPSQ_SRQ_SRQ_LIMIT);
}

export function destroySrq({ objects }: CommandContext, { head }: Command): void {
  const number = widePart(head, IRDMA_CQPSQ_SRQ_SRQ_ID);
  mustBeIdle(
    mustFind(objects.srqs.get(number), `shared queue ${number}`),
    `shared queue ${number}`,
  );
  objects.srqs.delete(number);
}
