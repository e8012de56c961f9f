/** Source: erdma_verbs.h, enum erdma_qps_rocev2 */
export const STATE = { RESET: 0, INIT: 1, RTR: 2, RTS: 3, SQD: 4, SQE: 5, ERROR: 6 } as const;

/** Where a queue pair can go from each state, besides back to reset and into the error state. */
const FORWARD: ReadonlyMap<number, readonly number[]> = new Map([
  [STATE.RESET, [STATE.INIT]],
  [STATE.INIT, [STATE.RTR]],
  [STATE.RTR, [STATE.RTS]],
  [STATE.RTS, [STATE.SQD]],
  [STATE.SQD, [STATE.RTS]],
  [STATE.SQE, [STATE.RTS]],
  [STATE.ERROR, []],
]);

/**
 * Whether a queue pair may go from one state to another, or stay in it. Into the error state also from
 * reset: so the driver begins to destroy it (erdma_verbs.c, erdma_destroy_qp()). It has checked more
 * already, by ib_modify_qp_is_ok().
 */
export function isTransition(from: number, to: number): boolean {
  const forward = FORWARD.get(from);
  if (forward === undefined || !FORWARD.has(to)) return false;
  if (to === STATE.RESET || to === STATE.ERROR || to === from) return true;
  return forward.includes(to);
}

/** Work requests are carried out. */
export function canSend(state: number): boolean {
  return state === STATE.RTS;
}

/** Messages are taken in. */
export function canReceive(state: number): boolean {
  return state === STATE.RTR || state === STATE.RTS || state === STATE.SQD || state === STATE.SQE;
}
