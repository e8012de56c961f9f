import { must, Refusal } from '../refusal.ts';
import type { Call } from './command.ts';
import * as h from './headers/ifc.ts';

type QpField = Parameters<typeof h.qpc.get>[1];
type PathField = Parameters<typeof h.ads.get>[1];

/** Where all commands that carry a context have it. */
export const CONTEXT = 24;
const CONTEXT_END = CONTEXT + h.qpc.sizeBytes;
const OPTIONS = 16;

interface Transition {
  readonly from: readonly number[];
  readonly to: number;
}

const {
  MLX5_QPC_STATE_RST: RST,
  MLX5_QPC_STATE_INIT: INIT,
  MLX5_QPC_STATE_RTR: RTR,
  MLX5_QPC_STATE_RTS: RTS,
  MLX5_QPC_STATE_SQER: SQER,
  MLX5_QPC_STATE_ERR: ERR,
  MLX5_QPC_STATE_SQD: SQD,
} = h;
const ANY = [RST, INIT, RTR, RTS, SQER, ERR, SQD];

const TRANSITIONS: ReadonlyMap<number, Transition> = new Map([
  [h.MLX5_CMD_OP_RST2INIT_QP, { from: [RST], to: INIT }],
  [h.MLX5_CMD_OP_INIT2INIT_QP, { from: [INIT], to: INIT }],
  [h.MLX5_CMD_OP_INIT2RTR_QP, { from: [INIT], to: RTR }],
  [h.MLX5_CMD_OP_RTR2RTS_QP, { from: [RTR], to: RTS }],
  [h.MLX5_CMD_OP_RTS2RTS_QP, { from: [RTS], to: RTS }],
  [h.MLX5_CMD_OP_SQERR2RTS_QP, { from: [SQER], to: RTS }],
  [h.MLX5_CMD_OP_SQD_RTS_QP, { from: [SQD], to: RTS }],
  [h.MLX5_CMD_OP_2ERR_QP, { from: ANY, to: ERR }],
  [h.MLX5_CMD_OP_2RST_QP, { from: ANY, to: RST }],
]);

/** What a change takes from its context because it must: the rest only where an option says so. */
const PATH = ['primary_address_path'] as const satisfies readonly QpField[];
const REQUIRED: ReadonlyMap<number, readonly QpField[]> = new Map<number, readonly QpField[]>([
  [
    h.MLX5_CMD_OP_RST2INIT_QP,
    [...PATH, 'pm_state', 'rre', 'rwe', 'rae', 'atomic_mode', 'q_key', 'counter_set_id'],
  ],
  [
    h.MLX5_CMD_OP_INIT2RTR_QP,
    ['mtu', 'log_msg_max', 'remote_qpn', 'next_rcv_psn', 'log_rra_max', 'min_rnr_nak'],
  ],
  [
    h.MLX5_CMD_OP_RTR2RTS_QP,
    ['next_send_psn', 'log_sra_max', 'retry_count', 'rnr_retry', 'log_ack_req_freq'],
  ],
]);

/** Of the path, what is not known before requests are sent. */
const RTS_IN_PATH = 'ack_timeout';

/** Bits of opt_param_mask, and what they let in. Source: include/linux/mlx5/qp.h, enum mlx5_qp_optpar */
const OPTIONAL: readonly (readonly [number, readonly QpField[]])[] = [
  [h.MLX5_QP_OPTPAR_ALT_ADDR_PATH, ['secondary_address_path']],
  [h.MLX5_QP_OPTPAR_RRE, ['rre']],
  [h.MLX5_QP_OPTPAR_RAE, ['rae', 'atomic_mode']],
  [h.MLX5_QP_OPTPAR_RWE, ['rwe']],
  [h.MLX5_QP_OPTPAR_Q_KEY, ['q_key']],
  [h.MLX5_QP_OPTPAR_RNR_TIMEOUT, ['min_rnr_nak']],
  [h.MLX5_QP_OPTPAR_PRIMARY_ADDR_PATH, PATH],
  [h.MLX5_QP_OPTPAR_SRA_MAX, ['log_sra_max']],
  [h.MLX5_QP_OPTPAR_RRA_MAX, ['log_rra_max']],
  [h.MLX5_QP_OPTPAR_PM_STATE, ['pm_state']],
  [h.MLX5_QP_OPTPAR_RETRY_COUNT, ['retry_count']],
  [h.MLX5_QP_OPTPAR_RNR_RETRY, ['rnr_retry']],
  [h.MLX5_QP_OPTPAR_COUNTER_SET_ID, ['counter_set_id']],
];
/** Parts of the path that have bits of their own. */
const OPTIONAL_IN_PATH: readonly (readonly [number, PathField])[] = [
  [h.MLX5_QP_OPTPAR_PKEY_INDEX, 'pkey_index'],
  [h.MLX5_QP_OPTPAR_ACK_TIMEOUT, 'ack_timeout'],
  [h.MLX5_QP_OPTPAR_PRI_PORT, 'vhca_port_num'],
];

/** What can be done to a QP, by opcodes. */
export const CHANGES: readonly number[] = [...TRANSITIONS.keys()];

/** @param qp its context, which is changed */
export function changeState(qp: Buffer, { opcode, input }: Call): void {
  const transition = TRANSITIONS.get(opcode);
  if (transition === undefined) throw new Refusal('opcode', `${opcode} changes no QP`);
  const state = h.qpc.get(qp, 'state');
  must(transition.from.includes(state), `a QP in state ${state} does not go to ${transition.to}`);
  const wanted = input.subarray(CONTEXT, CONTEXT_END);
  for (const field of REQUIRED.get(opcode) ?? []) take(qp, wanted, field);
  if (opcode === h.MLX5_CMD_OP_INIT2RTR_QP) takePath(qp, wanted);
  if (opcode === h.MLX5_CMD_OP_RTR2RTS_QP) takeInPath(qp, wanted, RTS_IN_PATH);
  if (input.length > OPTIONS) takeOptions(qp, wanted, input.readUInt32BE(OPTIONS));
  h.qpc.set(qp, 'state', transition.to);
}

function takeOptions(qp: Buffer, wanted: Buffer, options: number): void {
  for (const [bit, fields] of OPTIONAL) {
    if ((options & bit) !== 0) for (const field of fields) take(qp, wanted, field);
  }
  for (const [bit, field] of OPTIONAL_IN_PATH) {
    if ((options & bit) !== 0) takeInPath(qp, wanted, field);
  }
}

/** The way to the peer, which datagrams do not have; the index of the P_Key is INIT's. */
function takePath(qp: Buffer, wanted: Buffer): void {
  if (![h.MLX5_QPC_ST_RC, h.MLX5_QPC_ST_UC, h.MLX5_QPC_ST_XRC].includes(h.qpc.get(qp, 'st')))
    return;
  const path = h.qpc.bytes(qp, 'primary_address_path');
  const index = h.ads.get(path, 'pkey_index');
  take(qp, wanted, 'primary_address_path');
  h.ads.set(path, 'pkey_index', index);
}

function takeInPath(qp: Buffer, wanted: Buffer, field: PathField): void {
  const value = h.ads.get(h.qpc.bytes(wanted, 'primary_address_path'), field);
  h.ads.set(h.qpc.bytes(qp, 'primary_address_path'), field, value);
}

function take(to: Buffer, from: Buffer, field: QpField): void {
  if (field.endsWith('path')) h.qpc.bytes(from, field).copy(h.qpc.bytes(to, field));
  else h.qpc.set(to, field, h.qpc.get(from, field));
}

/** States in which packets are taken in. */
export function canReceive(state: number): boolean {
  return state === RTR || state === RTS || state === SQER || state === SQD;
}
