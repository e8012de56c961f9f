import { isSet, widePart } from '../bits.ts';
import { must, mustBeIdle, mustFind } from '../refusal.ts';
import type { CommandContext } from './commands.ts';
import type { Command } from './control-queue.ts';
import {
  IRDMA_CQPSQ_SRQ_FIRST_PM_PBL_IDX,
  IRDMA_CQPSQ_SRQ_RQSIZE,
  IRDMA_CQPSQ_SRQ_SRQ_ID,
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
  // Its pages must be known, although nobody receives into them.
  ringPages(objects.backing, {
    isMapped: isSet(head, IRDMA_CQPSQ_SRQ_VIRTMAP),
    address: Number(entry.readBigUInt64LE(32)),
    firstEntry: widePart(entry.readBigUInt64LE(48), IRDMA_CQPSQ_SRQ_FIRST_PM_PBL_IDX),
    bytes: SMALLEST_BYTES * 2 ** widePart(entry.readBigUInt64LE(0), IRDMA_CQPSQ_SRQ_RQSIZE),
  });
  objects.srqs.set(number, { users: 0 });
}

/** Nothing but the limit can change, which nobody reaches. Source: ctrl.c, irdma_sc_srq_modify() */
export function modifySrq({ objects }: CommandContext, { head }: Command): void {
  const number = widePart(head, IRDMA_CQPSQ_SRQ_SRQ_ID);
  mustFind(objects.srqs.get(number), `shared queue ${number}`);
}

export function destroySrq({ objects }: CommandContext, { head }: Command): void {
  const number = widePart(head, IRDMA_CQPSQ_SRQ_SRQ_ID);
  mustBeIdle(
    mustFind(objects.srqs.get(number), `shared queue ${number}`),
    `shared queue ${number}`,
  );
  objects.srqs.delete(number);
}
