import { widePlace } from '../bits.ts';
import {
  IRDMA_AEQE_AECODE_GEN_3,
  IRDMA_AEQE_IWSTATE_GEN_3,
  IRDMA_AEQE_QPCQID_GEN_3,
} from './headers/defs.ts';
import type { Objects, QueuePair } from './objects.ts';

/** user.h, IRDMA_AE_QP_SUSPEND_COMPLETE: the send queue has drained. */
export const SUSPENDED = 0x900;

/**
 * Tells the driver of a queue pair, which it finds by the number (hw.c, irdma_process_aeq()). What the queue
 * pair's context has for its own use is not told: a guess, it is not looked at for this.
 */
export function tellOfQp({ asyncEvents }: Objects, qp: QueuePair, code: number): void {
  const event = Buffer.alloc(16);
  event.writeBigUInt64LE(
    widePlace(qp.number, IRDMA_AEQE_QPCQID_GEN_3) |
      widePlace(qp.state, IRDMA_AEQE_IWSTATE_GEN_3) |
      widePlace(code, IRDMA_AEQE_AECODE_GEN_3),
    8,
  );
  asyncEvents?.post(event);
}
