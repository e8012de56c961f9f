import { isSet, widePart } from '../bits.ts';
import type { DataPath } from './data-path.ts';
import { pagesAt } from './doorbell-pages.ts';
import {
  ERDMA_BAR_CQDB_SPACE_OFFSET,
  ERDMA_BAR_RQDB_SPACE_OFFSET,
  ERDMA_CQDB_ARM_MASK,
  ERDMA_CQDB_CQN_MASK,
  ERDMA_SQE_HDR_QPN_MASK,
  ERDMA_SQE_HDR_WQEBB_INDEX_MASK,
} from './headers/erdma-hw.ts';
import { FIRST_EXTENDED_PAGE, PAGE_BYTES } from './limits.ts';
import type { DoorbellPages, Objects } from './objects.ts';

type Kind = 'send' | 'receive' | 'completion';

/**
 * Somebody wrote 64 bits at an offset that is behind the registers. Those of the first 512 KiB are for
 * objects of the kernel, the others for those of the process that has the page.
 */
export function ringDoorbell(
  objects: Objects,
  dataPath: DataPath,
  offset: number,
  value: bigint,
): void {
  const page = Math.floor(offset / PAGE_BYTES);
  const pages = page < FIRST_EXTENDED_PAGE ? undefined : pagesAt(objects, page);
  if (page >= FIRST_EXTENDED_PAGE && pages === undefined) return;
  const kind = pages === undefined ? kindAt(offset) : kindIn(pages, page, value);
  if (kind === 'completion') {
    const cq = objects.cqs.get(widePart(value, ERDMA_CQDB_CQN_MASK));
    if (cq !== undefined && cq.doorbells === pages) dataPath.ringCq(cq, value);
    return;
  }
  // A receive's doorbell is the first half of its entry, which has the numbers in other places.
  const number = kind === 'send' ? widePart(value, ERDMA_SQE_HDR_QPN_MASK) : Number(value >> 32n);
  const qp = objects.qps.get(number);
  if (qp === undefined || qp.doorbells !== pages) return;
  const producer = widePart(value, ERDMA_SQE_HDR_WQEBB_INDEX_MASK);
  if (kind === 'send') dataPath.ringSend(qp, producer);
  else dataPath.ringReceive(qp, producer);
}

function kindAt(offset: number): Kind {
  if (offset < ERDMA_BAR_RQDB_SPACE_OFFSET) return 'send';
  return offset < ERDMA_BAR_CQDB_SPACE_OFFSET ? 'receive' : 'completion';
}

/**
 * The driver names the pages of receives and completions the wrong way round to user space (erdma_verbs.c,
 * alloc_db_resources()), and works with hardware. So both take both here, told apart by the bit that each
 * doorbell of a completion queue has and no receive does: a guess.
 */
function kindIn({ send }: DoorbellPages, page: number, value: bigint): Kind {
  if (page === send) return 'send';
  return isSet(value, ERDMA_CQDB_ARM_MASK) ? 'completion' : 'receive';
}
