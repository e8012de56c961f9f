import {
  ERDMA_WC_RECV_ADDR_VIOLATION_ERR,
  ERDMA_WC_RECV_PDID_ERR,
  ERDMA_WC_RECV_RIGHT_VIOLATION_ERR,
  ERDMA_WC_RECV_STAG_INVALID_ERR,
  ERDMA_WC_RECV_WARRPING_ERR,
  ERDMA_WC_SEND_ADDR_VIOLATION_ERR,
  ERDMA_WC_SEND_PDID_ERR,
  ERDMA_WC_SEND_RIGHT_VIOLATION_ERR,
  ERDMA_WC_SEND_STAG_INVALID_ERR,
  ERDMA_WC_SEND_WARRPING_ERR,
} from './headers/erdma-hw.ts';
import type { MemoryFault } from './keyed-memory.ts';

/** Statuses of completions, as the driver reads them: erdma_cq.c, map_cqe_status. */

/** The sender's own memory. */
export const LOCAL_STATUS: Readonly<Record<MemoryFault, number>> = {
  key: ERDMA_WC_SEND_STAG_INVALID_ERR,
  bounds: ERDMA_WC_SEND_ADDR_VIOLATION_ERR,
  right: ERDMA_WC_SEND_RIGHT_VIOLATION_ERR,
  domain: ERDMA_WC_SEND_PDID_ERR,
  wrap: ERDMA_WC_SEND_WARRPING_ERR,
};

/**
 * Memory of the other side, as the sender is told, and of a receive, as the receiver is: both are guesses
 * from the names; the first alone becomes IB's remote access error.
 */
export const REMOTE_STATUS: Readonly<Record<MemoryFault, number>> = {
  key: ERDMA_WC_RECV_STAG_INVALID_ERR,
  bounds: ERDMA_WC_RECV_ADDR_VIOLATION_ERR,
  right: ERDMA_WC_RECV_RIGHT_VIOLATION_ERR,
  domain: ERDMA_WC_RECV_PDID_ERR,
  wrap: ERDMA_WC_RECV_WARRPING_ERR,
};
