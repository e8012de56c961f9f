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

/** What both kinds have in their contexts, though not all of it at the same places. */
interface Layout {
  get(context: Buffer, field: 'state' | 'user_index' | 'flush_in_error_en' | 'cqn'): number;
  set(context: Buffer, field: 'state', value: number): void;
  bytes(context: Buffer, field: 'wq'): Buffer;
}

abstract class WorkQueue implements Accessor {
  readonly number: number;
  /** As QUERY_SQ and QUERY_RQ answer. */
  readonly context: Buffer;
  readonly #layout: Layout;

  constructor(layout: Layout, number: number, input: Buffer) {
    this.#layout = layout;
    this.number = number;
    this.context = Buffer.from(input.subarray(CONTEXT, CONTEXT + h.sqc.sizeBytes));
    this.state = RESET;
  }

  get state(): number {
    return this.#layout.get(this.context, 'state');
  }

  set state(state: number) {
    this.#layout.set(this.context, 'state', state);
  }

  get cqn(): number {
    return this.#layout.get(this.context, 'cqn');
  }

  get userIndex(): number {
    return this.#layout.get(this.context, 'user_index');
  }

  get flushes(): boolean {
    return this.#layout.get(this.context, 'flush_in_error_en') === 1;
  }

  get pd(): number {
    return h.wq.get(this.queue, 'pd');
  }

  protected get queue(): Buffer {
    return this.#layout.bytes(this.context, 'wq');
  }
}

/** A send queue. Its requests have the memory of a PD, though the verbs object that has one is the QP. */
export class SendQueue extends WorkQueue implements Sender {
  readonly ring: SendRing;

  constructor(host: Host, number: number, input: Buffer) {
    super(h.sqc, number, input);
    const { pages, slots, record } = workRing(input);
    must(slots.bytes === h.MLX5_SEND_WQE_BB, 'requests have blocks of 64 bytes');
    this.ring = new SendRing(host, pages, 0, slots.count, record);
  }

  get uar(): number {
    return h.wq.get(this.queue, 'uar_page');
  }

  get sendCqn(): number {
    return this.cqn;
  }

  get tisn(): number {
    return h.sqc.get(this.context, 'tis_num_0');
  }
}

/** A receive queue. */
export class ReceiveQueue extends WorkQueue {
  readonly ring: ReceiveRing;

  constructor(host: Host, number: number, input: Buffer) {
    super(h.rqc, number, input);
    const memory = h.rqc.get(this.context, 'mem_rq_type');
    must(memory === h.MLX5_RQC_MEM_RQ_TYPE_MEMORY_RQ_INLINE, 'an RQ has receives of its own');
    must(h.wq.get(this.queue, 'wq_type') === h.MLX5_WQ_TYPE_CYCLIC, 'an RQ is a ring');
    const { pages, slots, record } = workRing(input);
    this.ring = new ReceiveRing(host, pages, slots, record);
  }
}

/** Either kind. */
export type PacketQueue = SendQueue | ReceiveQueue;
