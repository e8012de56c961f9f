import type { Host } from '../vfio-user/device.ts';
import { answer, answerWith, type Call, type Entries, numberIn } from './command.ts';
import type { Sender } from './completions.ts';
import * as h from './headers/ifc.ts';
import type { Accessor } from './keyed-memory.ts';
import type { Objects } from './objects.ts';
import { queuePages } from './queue-pages.ts';
import { CHANGES, CONTEXT, changeState } from './queue-pair-states.ts';
import { ReceiveRing } from './receives.ts';
import { SendRing } from './send-ring.ts';

const PSN_MASK = 0xff_ffff;

/** What happens with a queue pair besides its bookkeeping. */
export interface QueuePairActions {
  /** Requests that wait are carried out. */
  run(qp: QueuePair): void;
  /** It is in the error state: requests that wait end with a completion that says so. */
  fail(qp: QueuePair): void;
  /** It is not there any more, or begins anew. */
  forget(qp: QueuePair): void;
}

/** A queue pair: its context says all that commands have set. */
export class QueuePair implements Accessor, Sender {
  readonly number: number;
  /** As QUERY_QP answers. */
  readonly context: Buffer;
  /** Undefined of a target of XRC. */
  readonly sends: SendRing | undefined;
  /** Undefined where it has none, or those of an SRQ. */
  readonly receives: ReceiveRing | undefined;

  constructor(host: Host, number: number, input: Buffer) {
    this.number = number;
    this.context = Buffer.from(input.subarray(CONTEXT, CONTEXT + h.qpc.sizeBytes));
    this.state = h.MLX5_QPC_STATE_RST;
    const hasRing = this.get('rq_type') === h.MLX5_NON_ZERO_RQ;
    const slots = {
      count: hasRing ? 2 ** this.get('log_rq_size') : 0,
      bytes: 16 * 2 ** this.get('log_rq_stride'),
    };
    const blocks = this.get('no_sq') === 1 ? 0 : 2 ** this.get('log_sq_size');
    // Receives, then sends. Source: qp.c, _create_kernel_qp(), _create_user_qp()
    const start = slots.count * slots.bytes;
    const pages = queuePages(input, {
      at: h.create_qp_in.byteOf('pas'),
      logPage: this.get('log_page_size'),
      pageOffset: this.get('page_offset'),
      bytes: start + blocks * h.MLX5_SEND_WQE_BB,
    });
    const record = h.qpc.big(this.context, 'dbr_addr');
    this.receives = slots.count > 0 ? new ReceiveRing(host, pages, slots, record) : undefined;
    this.sends = blocks > 0 ? new SendRing(host, pages, start, blocks, record) : undefined;
  }

  get(field: Parameters<typeof h.qpc.get>[1]): number {
    return h.qpc.get(this.context, field);
  }

  get state(): number {
    return this.get('state');
  }

  set state(state: number) {
    h.qpc.set(this.context, 'state', state);
  }

  /** The kernel's own for changes of keys has none. Source: qp.c, create_kernel_qp() */
  get pd(): number | undefined {
    return this.isForKeys ? undefined : this.get('pd');
  }

  get userIndex(): number {
    return this.get('user_index');
  }

  get sendCqn(): number {
    return this.get('cqn_snd');
  }

  /** MLX5_QPC_ST_… */
  get type(): number {
    return this.get('st');
  }

  get isReliable(): boolean {
    return this.type === h.MLX5_QPC_ST_RC || this.type === h.MLX5_QPC_ST_XRC;
  }

  get isDatagram(): boolean {
    return this.type === h.MLX5_QPC_ST_UD || this.isGeneral;
  }

  /** The one for management: QP 1 on the wire. */
  get isGeneral(): boolean {
    return this.type === h.MLX5_QPC_ST_QP1;
  }

  /** The kernel's own, by which it changes keys of whatever domain. */
  get isForKeys(): boolean {
    return this.type === h.MLX5_QPC_ST_REG_UMR;
  }

  /** The way to the other end. */
  get path(): Buffer {
    return h.qpc.bytes(this.context, 'primary_address_path');
  }

  /** Packets count. */
  advance(field: 'next_send_psn' | 'next_rcv_psn', packets: number): void {
    h.qpc.set(this.context, field, (this.get(field) + packets) & PSN_MASK);
  }

  reset(): void {
    this.sends?.reset();
    this.receives?.reset();
  }
}

/** MLX5_QPC_MTU_256_BYTES is 1, and each more is twice that. */
export function packetBytes(qp: QueuePair): number {
  return 128 * 2 ** Math.max(h.MLX5_QPC_MTU_256_BYTES, qp.get('mtu'));
}

export function queuePairs(host: Host, { qps }: Objects, actions: QueuePairActions): Entries {
  const create = ({ input }: Call) => {
    const number = qps.add((id) => new QueuePair(host, id, input));
    return answer(number);
  };
  const change = (call: Call) => {
    const qp = qps.find(numberIn(call));
    changeState(qp.context, call);
    if (qp.state === h.MLX5_QPC_STATE_RST) {
      actions.forget(qp);
      qp.reset();
    } else if (qp.state === h.MLX5_QPC_STATE_ERR) actions.fail(qp);
    else actions.run(qp);
    return undefined;
  };
  const destroy = (call: Call) => {
    const qp = qps.find(numberIn(call));
    actions.forget(qp);
    qps.remove(qp.number);
    return undefined;
  };
  return [
    [h.MLX5_CMD_OP_CREATE_QP, create],
    [h.MLX5_CMD_OP_QUERY_QP, (call) => answerWith(qps.find(numberIn(call)).context, CONTEXT)],
    [h.MLX5_CMD_OP_DESTROY_QP, destroy],
    ...CHANGES.map((opcode) => [opcode, change] as const),
  ];
}
