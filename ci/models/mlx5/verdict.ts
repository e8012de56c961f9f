import { ads } from './headers/ifc.ts';
import type { PageFault } from './page-faults.ts';
import type { QueuePair } from './queue-pairs.ts';

/** A request that has to wait: its receiver is not ready, or nobody answers. */
export interface Wait {
  readonly why: 'not-ready' | 'no-answer';
  /** Of the one who waits, what is left of its tries. */
  readonly tries: number;
  readonly periodMs: number;
}

/** MLX5_CQE_SYNDROME_… of the sender's completion, or that it has to wait. */
export type Verdict = number | Wait | PageFault;

/** All is well. */
export const DONE = 0;

/** IBTA, table 45: what a responder that is not ready asks for. */
const NOT_READY_MS = [
  655.36, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.16, 0.24, 0.32, 0.48, 0.64, 0.96, 1.28, 1.92,
  2.56, 3.84, 5.12, 7.68, 10.24, 15.36, 20.48, 30.72, 40.96, 61.44, 81.92, 122.88, 163.84, 245.76,
  327.68, 491.52,
];
const FOREVER = 7;
/** A timeout of 0 never ends. */
const ACK_MS = 0.004_096;
/** No period is shorter: nobody's clock is better. */
const LEAST_MS = 1;

/** @param peer who says how long to wait */
export function notReady(qp: QueuePair, peer: QueuePair): Wait {
  const retries = qp.get('rnr_retry');
  return {
    why: 'not-ready',
    tries: retries === FOREVER ? Number.POSITIVE_INFINITY : retries,
    periodMs: Math.max(LEAST_MS, NOT_READY_MS[peer.get('min_rnr_nak')] ?? 0),
  };
}

export function noAnswer(qp: QueuePair): Wait {
  const timeout = ads.get(qp.path, 'ack_timeout');
  return {
    why: 'no-answer',
    tries: qp.get('retry_count') + 1,
    periodMs: timeout === 0 ? Number.POSITIVE_INFINITY : Math.max(LEAST_MS, ACK_MS * 2 ** timeout),
  };
}
