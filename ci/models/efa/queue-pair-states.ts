import {
  EFA_ADMIN_QP_STATE_ERR as ERR,
  EFA_ADMIN_QP_STATE_INIT as INIT,
  EFA_ADMIN_QP_STATE_RESET as RESET,
  EFA_ADMIN_QP_STATE_RTR as RTR,
  EFA_ADMIN_QP_STATE_RTS as RTS,
  EFA_ADMIN_QP_STATE_SQD as SQD,
  EFA_ADMIN_QP_STATE_SQE as SQE,
} from './headers/efa-admin-cmds-defs.ts';

/** Where a queue pair can go from each state, besides back to reset and into the error state. */
const FORWARD: ReadonlyMap<number, readonly number[]> = new Map([
  [RESET, [INIT]],
  [INIT, [INIT, RTR]],
  [RTR, [RTS]],
  [RTS, [RTS, SQD]],
  [SQD, [RTS, SQD]],
  [SQE, [RTS]],
  [ERR, []],
]);

/**
 * Whether a queue pair of either kind may go from one state to another. The driver has checked more
 * already (efa_verbs.c, srd_qp_state_table; ib_modify_qp_is_ok() for UD).
 */
export function isTransition(from: number, to: number): boolean {
  if (to === RESET || (to === ERR && from !== RESET)) return FORWARD.has(from);
  return FORWARD.get(from)?.includes(to) ?? false;
}

/** Work requests are carried out. */
export function canSend(state: number): boolean {
  return state === RTS;
}

/** Messages are taken in. */
export function canReceive(state: number): boolean {
  return state === RTR || state === RTS || state === SQD || state === SQE;
}
