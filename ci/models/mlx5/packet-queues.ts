import { must } from '../refusal.ts';
import type { Host } from '../vfio-user/device.ts';
import type { Sender } from './completions.ts';
import * as h from './headers/ifc.ts';
import type { Accessor } from './keyed-memory.ts';
import { ReceiveRing } from './receives.ts';
import { SendRing } from './send-ring.ts';
import { CONTEXT, workRing } from './work-ring.ts';

/** Queues without a QP: raw packets are sent from SQs, and received by RQs. */

/** Of both kinds: MLX5_RQC_STATE_… has the same values. */
export const {
  MLX5_SQC_STATE_RST: RESET,
  MLX5_SQC_STATE_RDY: READY,
  MLX5_SQC_STATE_ERR: BROKEN,
} = h;

const contextIn = (input: Buffer): Buffer =>
  Buffer.from(input.subarray(CONTEXT, CONTEXT + h.sqc.sizeBytes));

/** A send queue. Its requests have the memory of a PD, though the verbs object that has one is the QP. */
export class SendQueue implements Accessor, Sender {
  readonly number: number;
  /** As QUERY_SQ answers. */
  readonly context: Buffer;
  readonly ring: SendRing;

  constructor(host: Host, number: number, input: Buffer) {
    this.number = number;
    this.context = contextIn(input);
    this.state = RESET;
    const { pages, slots, record } = workRing(input);
    must(slots.bytes === h.MLX5_SEND_WQE_BB, 'requests have blocks of 64 bytes');
    this.ring = new SendRing(host, pages, 0, slots.count, record);
  }

  get state(): number {
    return h.sqc.get(this.context, 'state');
  }

  set state(state: number) {
    h.sqc.set(this.context, 'state', state);
  }

  get pd(): number {
    return h.wq.get(h.sqc.bytes(this.context, 'wq'), 'pd');
  }

  get uar(): number {
    return h.wq.get(h.sqc.bytes(this.context, 'wq'), 'uar_page');
  }

  get userIndex(): number {
    return h.sqc.get(this.context, 'user_index');
  }

  get sendCqn(): number {
    return h.sqc.get(this.context, 'cqn');
  }

  get tisn(): number {
    return h.sqc.get(this.context, 'tis_num_0');
  }

  get flushes(): boolean {
    return h.sqc.get(this.context, 'flush_in_error_en') === 1;
  }
}

/** A receive queue. */
export class ReceiveQueue implements Accessor {
  readonly number: number;
  /** As QUERY_RQ answers. */
  readonly context: Buffer;
  readonly ring: ReceiveRing;

  constructor(host: Host, number: number, input: Buffer) {
    this.number = number;
    this.context = contextIn(input);
    this.state = RESET;
    const queue = h.rqc.bytes(this.context, 'wq');
    const memory = h.rqc.get(this.context, 'mem_rq_type');
    must(memory === h.MLX5_RQC_MEM_RQ_TYPE_MEMORY_RQ_INLINE, 'an RQ has receives of its own');
    must(h.wq.get(queue, 'wq_type') === h.MLX5_WQ_TYPE_CYCLIC, 'an RQ is a ring');
    const { pages, slots, record } = workRing(input);
    this.ring = new ReceiveRing(host, pages, slots, record);
  }

  get state(): number {
    return h.rqc.get(this.context, 'state');
  }

  set state(state: number) {
    h.rqc.set(this.context, 'state', state);
  }

  get pd(): number {
    return h.wq.get(h.rqc.bytes(this.context, 'wq'), 'pd');
  }

  get userIndex(): number {
    return h.rqc.get(this.context, 'user_index');
  }

  get cqn(): number {
    return h.rqc.get(this.context, 'cqn');
  }

  get flushes(): boolean {
    return h.rqc.get(this.context, 'flush_in_error_en') === 1;
  }
}

/** Either kind. */
export type PacketQueue = SendQueue | ReceiveQueue;
