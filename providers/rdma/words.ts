import type { QpState, QpType, SendOpcode } from '../contract-verbs.ts';
import { WC_STATUS } from '../contract-verbs.ts';

/** enum ib_wc_opcode, by number. Source: include/rdma/ib_verbs.h */
const SEND_COMPLETIONS = [
  'send',
  'rdma-write',
  'rdma-read',
  'compare-swap',
  'fetch-add',
  'bind-mw',
  'local-invalidate',
  'segmented-send',
  'flush',
  'atomic-write',
] as const;

/** IB_WC_RECV; its successor is IB_WC_RECV_RDMA_WITH_IMM. */
const FIRST_RECEIVE_COMPLETION = 128;
const RECEIVE_COMPLETIONS = ['receive', 'receive-rdma-immediate'] as const;

export function statusWord(status: number): string {
  return WC_STATUS[status] ?? `status ${status}`;
}

export function opcodeWord(opcode: number): string {
  const word =
    opcode < FIRST_RECEIVE_COMPLETION
      ? SEND_COMPLETIONS[opcode]
      : RECEIVE_COMPLETIONS[opcode - FIRST_RECEIVE_COMPLETION];
  return word ?? `opcode ${opcode}`;
}

/** enum ib_uverbs_wr_opcode */
export const SEND_OPCODES: Readonly<Record<SendOpcode, number>> = {
  'rdma-write': 0,
  'rdma-write-immediate': 1,
  send: 2,
  'send-immediate': 3,
  'rdma-read': 4,
  'compare-swap': 5,
  'fetch-add': 6,
  'local-invalidate': 7,
  'bind-mw': 8,
  'send-invalidate': 9,
  flush: 14,
  'atomic-write': 15,
};

/** enum ib_qp_state, by number. Source: include/rdma/ib_verbs.h */
export const QP_STATES: readonly QpState[] = ['reset', 'init', 'rtr', 'rts', 'sqd', 'sqe', 'err'];

/** enum ib_uverbs_qp_type */
export const QP_TYPES: Readonly<Record<QpType, number>> = {
  rc: 2,
  uc: 3,
  ud: 4,
  'raw-packet': 8,
  'xrc-ini': 9,
  'xrc-tgt': 10,
  driver: 255,
};

/** enum ib_port_state, by number. Source: include/rdma/ib_verbs.h */
export const PORT_STATES = ['nop', 'down', 'init', 'armed', 'active', 'active-defer'] as const;

/** enum ib_mtu: 1 is 256 bytes, each step doubles. */
export function mtuNumber(bytes: number): number {
  return Math.log2(bytes) - 7;
}

export function mtuBytes(number: number): number {
  return number === 0 ? 0 : 2 ** (number + 7);
}
