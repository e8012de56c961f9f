import { type CompletionQueue, CQE_BYTES } from './completion-queues.ts';
import * as h from './headers/ifc.ts';
import { FULL_MEMBER_PKEY, LID } from './limits.ts';
import type { Objects } from './objects.ts';
import type { SendRequest } from './work-requests.ts';

/** Source: include/linux/mlx5/device.h, struct mlx5_cqe64; of those with errors struct mlx5_err_cqe, with the same ends */
const SENDER_LID = 22;
const REMOTE = 24;
const QUEUE = 32;
/** Immediate data, a key, or a partition's key. */
const EXTRA = 36;
const LENGTH = 44;
const SYNDROME = 55;
const OPCODE_AND_QPN = 56;
const INDEX = 60;
const KIND = 63;
/** Of `REMOTE`. Source: cq.c, handle_responder() */
const SERVICE_LEVEL_SHIFT = 24;
const GRH_IN_BUFFER = 1 << 28;

/** Who has sent: a QP, or an SQ. */
export interface Sender {
  readonly number: number;
  readonly userIndex: number;
  readonly sendCqn: number;
}

/** Who has received. */
export interface Taker {
  readonly qp: { readonly number: number; readonly isGeneral: boolean };
  readonly cq: CompletionQueue | undefined;
  /** By which a completion names the queue. */
  readonly name: number;
}

type Ended = Pick<SendRequest, 'opcode' | 'index'>;

/** What more a receive may say. */
export interface Arrival {
  readonly isSolicited: boolean;
  readonly length: number;
  readonly immediate?: number | undefined;
  readonly invalidated?: number | undefined;
  readonly isWrite?: boolean;
  /** Of a datagram. */
  readonly sender?: {
    readonly qpn: number;
    readonly serviceLevel: number;
    readonly isGlobal: boolean;
  };
}

/** Writes what became of requests. */
export class Completions {
  readonly #objects: Objects;

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  sent(from: Sender, { opcode, index }: Ended, length: number): void {
    const entry = entryOf(from, h.MLX5_CQE_REQ, index, from.userIndex, opcode);
    entry.writeUInt32BE(length, LENGTH);
    this.#sendCq(from)?.post(entry, false);
  }

  sendFailed(from: Sender, { opcode, index }: Ended, syndrome: number): void {
    const entry = entryOf(from, h.MLX5_CQE_REQ_ERR, index, from.userIndex, opcode);
    entry.writeUInt8(syndrome, SYNDROME);
    this.#sendCq(from)?.post(entry, true);
  }

  received(to: Taker, index: number, arrival: Arrival): void {
    const { immediate, invalidated, sender, isSolicited, length } = arrival;
    const entry = entryOf(to.qp, kindOf(arrival), index, to.name);
    entry.writeUInt32BE(length, LENGTH);
    entry.writeUInt32BE(immediate ?? invalidated ?? 0, EXTRA);
    if (to.qp.isGeneral) entry.writeUInt32BE(FULL_MEMBER_PKEY, EXTRA);
    if (sender !== undefined) {
      const level = sender.serviceLevel << SERVICE_LEVEL_SHIFT;
      entry.writeUInt32BE(sender.qpn | level | (sender.isGlobal ? GRH_IN_BUFFER : 0), REMOTE);
      entry.writeUInt16BE(LID, SENDER_LID);
    }
    to.cq?.post(entry, isSolicited);
  }

  receiveFailed(to: Taker, index: number, syndrome: number): void {
    const entry = entryOf(to.qp, h.MLX5_CQE_RESP_ERR, index, to.name);
    entry.writeUInt8(syndrome, SYNDROME);
    to.cq?.post(entry, true);
  }

  #sendCq({ sendCqn }: Sender): CompletionQueue | undefined {
    return this.#objects.cqs.get(sendCqn);
  }
}

function kindOf({ immediate, invalidated, isWrite }: Arrival): number {
  if (isWrite === true) return h.MLX5_CQE_RESP_WR_IMM;
  if (invalidated !== undefined) return h.MLX5_CQE_RESP_SEND_INV;
  return immediate === undefined ? h.MLX5_CQE_RESP_SEND : h.MLX5_CQE_RESP_SEND_IMM;
}

function entryOf(
  { number }: { readonly number: number },
  kind: number,
  index: number,
  name: number,
  opcode = 0,
): Buffer {
  const entry = Buffer.alloc(CQE_BYTES);
  entry.writeUInt32BE(name, QUEUE);
  entry.writeUInt32BE(((opcode << 24) | number) >>> 0, OPCODE_AND_QPN);
  entry.writeUInt16BE(index, INDEX);
  entry.writeUInt8(kind << 4, KIND);
  return entry;
}
