import type { PageList } from '../page-list.ts';
import { must } from '../refusal.ts';
import type { Host } from '../vfio-user/device.ts';
import { answer, answerWith, type Call, type Entries, numberIn } from './command.ts';
import { numberEvent, overrunEvent } from './events.ts';
import * as h from './headers/ifc.ts';
import type { Objects } from './objects.ts';
import { queuePages, readRecord } from './queue-pages.ts';

const CONTEXT = 16;
/** Source: include/linux/mlx5/cq.h, CQE_STRIDE_64 and those below it */
const STRIDE_64 = 0;
export const CQE_BYTES = 64;
/** Of an entry: whose it is, which is said last. */
const LAST_WORD = 60;
const KIND_AND_OWNER = 63;

/** A doorbell counts modulo this. */
const INDEX_MASK = 0xff_ffff;
const SOLICITED_ONLY = 1 << 24;
const CONSUMED = 0;
const ARMED = 1;

/** Of modify_field_select. Source: include/linux/mlx5/cq.h, MLX5_CQ_MODIFY_PERIOD and those below it */
const SELECTED = [
  [1, 'cq_period'],
  [2, 'cq_max_count'],
  [4, 'oi'],
] as const;
const RESIZED = ['log_cq_size', 'log_page_size', 'page_offset', 'cqe_sz'] as const;
/** Of the context: MLX5_CQC_STATUS_CQ_OVERFLOW */
const OVERFLOWN = 9;

type Arming = 'none' | 'any' | 'solicited';

/** A completion queue in guest memory, and the events that it gives. */
export class CompletionQueue {
  readonly number: number;
  /** As QUERY_CQ answers. */
  readonly context: Buffer;
  readonly #host: Host;
  readonly #objects: Objects;
  #pages: PageList;
  #produced = 0;
  /** How many there were with the last solicited one. */
  #solicited = 0;
  #arming: Arming = 'none';

  constructor(host: Host, objects: Objects, number: number, input: Buffer) {
    this.#host = host;
    this.#objects = objects;
    this.number = number;
    this.context = Buffer.from(h.create_cq_in.bytes(input, 'cq_context'));
    this.#pages = this.#pagesIn(input);
  }

  get uar(): number {
    return h.cqc.get(this.context, 'uar_page');
  }

  get #depth(): number {
    return 2 ** h.cqc.get(this.context, 'log_cq_size');
  }

  get #stride(): number {
    return h.cqc.get(this.context, 'cqe_sz') === STRIDE_64 ? CQE_BYTES : 2 * CQE_BYTES;
  }

  /**
   * The owner's bit is put in here. Errors are solicited, as in IB.
   *
   * @param entry 64 bytes; of longer entries it is the second half
   */
  post(entry: Buffer, isSolicited: boolean): void {
    if (h.cqc.get(this.context, 'status') === OVERFLOWN) return;
    if (this.#unread() >= this.#depth && h.cqc.get(this.context, 'oi') === 0) {
      h.cqc.set(this.context, 'status', OVERFLOWN);
      this.#objects.sayEvent(h.MLX5_EVENT_TYPE_CQ_ERROR, overrunEvent(this.number));
      return;
    }
    this.#write(entry);
    if (isSolicited) this.#solicited = this.#produced;
    if (this.#arming === 'any' || (this.#arming === 'solicited' && isSolicited)) this.#giveEvent();
  }

  /**
   * Asks for an event. It comes at once where there is more than was consumed: why else would a doorbell
   * carry the consumer's index.
   *
   * @param value the first word of the doorbell, or of its record
   */
  arm(value: number): void {
    this.#arming = (value & SOLICITED_ONLY) === 0 ? 'any' : 'solicited';
    const unread = (this.#produced - value) & INDEX_MASK;
    const last = this.#arming === 'any' ? this.#produced : this.#solicited;
    if (unread > 0 && this.#produced - last < unread) this.#giveEvent();
  }

  /** What the record says, for doorbells that come by halves. */
  get armRecord(): number {
    return readRecord(this.#host, this.#record, ARMED);
  }

  modify(input: Buffer, opMod: number): void {
    const wanted = h.modify_cq_in.bytes(input, 'cq_context');
    if (opMod === h.MLX5_CQ_OPMOD_RESIZE) {
      this.#resize(input, wanted);
      return;
    }
    const selected = h.modify_cq_in.get(input, 'modify_field_select_resize_field_select');
    for (const [bit, field] of SELECTED) {
      if ((selected & bit) !== 0) h.cqc.set(this.context, field, h.cqc.get(wanted, field));
    }
  }

  /**
   * The old ring ends with an entry that says so and counts; the new one goes on with the next.
   * Source: cq.c, copy_resize_cqes()
   */
  #resize(input: Buffer, wanted: Buffer): void {
    const depth = 2 ** h.cqc.get(wanted, 'log_cq_size');
    must(this.#unread() < depth, `${this.#unread()} completions do not fit a CQ of ${depth}`);
    const end = Buffer.alloc(CQE_BYTES);
    end.writeUInt8(h.MLX5_CQE_RESIZE_CQ << 4, KIND_AND_OWNER);
    this.#write(end);
    for (const field of RESIZED) h.cqc.set(this.context, field, h.cqc.get(wanted, field));
    this.#pages = this.#pagesIn(input);
  }

  get #record(): bigint {
    return h.cqc.big(this.context, 'dbr_addr');
  }

  #unread(): number {
    return (this.#produced - readRecord(this.#host, this.#record, CONSUMED)) & INDEX_MASK;
  }

  /** The list of pages is at the same place in both commands. */
  #pagesIn(input: Buffer): PageList {
    return queuePages(input, {
      at: h.create_cq_in.byteOf('pas'),
      logPage: h.cqc.get(this.context, 'log_page_size'),
      pageOffset: h.cqc.get(this.context, 'page_offset'),
      bytes: this.#depth * this.#stride,
    });
  }

  #write(entry: Buffer): void {
    const owner = Math.floor(this.#produced / this.#depth) & 1;
    entry.writeUInt8(entry.readUInt8(KIND_AND_OWNER) | owner, KIND_AND_OWNER);
    const end = ((this.#produced % this.#depth) + 1) * this.#stride;
    const isWritten = this.#host.memory.publish(this.#pages.at(end - CQE_BYTES), entry, LAST_WORD);
    if (!isWritten) this.#host.say(`CQ ${this.number} cannot be reached`);
    this.#produced++;
  }

  #giveEvent(): void {
    this.#arming = 'none';
    const eq = this.#objects.eqs.get(h.cqc.get(this.context, 'c_eqn_or_apu_element'));
    eq?.post(h.MLX5_EVENT_TYPE_COMP, numberEvent(this.number));
  }
}

export function completionQueues(host: Host, objects: Objects): Entries {
  const { cqs } = objects;
  return [
    [
      h.MLX5_CMD_OP_CREATE_CQ,
      ({ input }: Call) =>
        answer(cqs.add((number) => new CompletionQueue(host, objects, number, input))),
    ],
    [h.MLX5_CMD_OP_QUERY_CQ, (call) => answerWith(cqs.find(numberIn(call)).context, CONTEXT)],
    [
      h.MLX5_CMD_OP_MODIFY_CQ,
      (call) => void cqs.find(numberIn(call)).modify(call.input, call.opMod),
    ],
    [h.MLX5_CMD_OP_DESTROY_CQ, (call) => void cqs.remove(numberIn(call))],
  ];
}
