import type { PageList } from '../page-list.ts';
import { must } from '../refusal.ts';
import type { Host } from '../vfio-user/device.ts';
import { answer, answerWith, type Call, type Entries, numberIn } from './command.ts';
import { numberEvent } from './events.ts';
import * as h from './headers/ifc.ts';
import type { Objects } from './objects.ts';
import { queuePages, readQueue } from './queue-pages.ts';
import { type Receive, type Receives, type Slots, spansIn, waitingOf } from './receives.ts';
import { CONTEXT, workRing } from './work-ring.ts';

const XRC_CONTEXT = 16;

/** In front of the pieces. Source: include/linux/mlx5/qp.h, struct mlx5_wqe_srq_next_seg */
const NEXT_BYTES = 16;
const NEXT_INDEX = 2;

type Kind = 'rmp' | 'xrc';

/** What both kinds of context say of the queue. */
interface Shape {
  readonly kind: Kind;
  readonly context: Buffer;
  readonly pages: PageList;
  readonly slots: Slots;
  readonly record: bigint;
  readonly pd: number;
}

/** Receives for more than one QP: slots of a list, in which each names the next. */
export class SharedReceives implements Receives {
  readonly number: number;
  readonly shape: Shape;
  readonly #host: Host;
  readonly #objects: Objects;
  #taken = 0;
  #next = 0;

  constructor(host: Host, objects: Objects, number: number, shape: Shape) {
    this.#host = host;
    this.#objects = objects;
    this.number = number;
    this.shape = shape;
  }

  get waiting(): number {
    return waitingOf(this.#host, this.shape.record, this.#taken);
  }

  peek(): Receive | undefined {
    return this.#read()?.receive;
  }

  take(): Receive | undefined {
    const read = this.#read();
    if (read === undefined) return undefined;
    this.#taken++;
    this.#next = read.next;
    this.#checkLimit();
    return read.receive;
  }

  #read(): { readonly receive: Receive; readonly next: number } | undefined {
    if (this.waiting === 0) return undefined;
    const { pages, slots } = this.shape;
    const index = this.#next % slots.count;
    const wqe = readQueue(this.#host, pages, index * slots.bytes, slots.bytes);
    if (wqe === undefined) return { receive: { index, spans: undefined }, next: index + 1 };
    const spans = spansIn(wqe.subarray(NEXT_BYTES));
    return { receive: { index, spans }, next: wqe.readUInt16BE(NEXT_INDEX) };
  }

  /** One event, when a receive is taken and fewer than that are left: a guess where there are few already. */
  arm(limit: number): void {
    this.#limit = limit;
  }

  #checkLimit(): void {
    if (this.waiting >= this.#limit) return;
    this.#limit = 0;
    this.#objects.sayEvent(h.MLX5_EVENT_TYPE_SRQ_RQ_LIMIT, numberEvent(this.number));
  }

  /** Kept where the driver asks for it. */
  get #limit(): number {
    const { kind, context } = this.shape;
    return kind === 'xrc' ? h.xrc_srqc.get(context, 'lwm') : h.wq.get(workQueue(context), 'lwm');
  }

  set #limit(limit: number) {
    const { kind, context } = this.shape;
    if (kind === 'xrc') h.xrc_srqc.set(context, 'lwm', limit);
    else h.wq.set(workQueue(context), 'lwm', limit);
  }
}

const workQueue = (context: Buffer): Buffer => h.rmpc.bytes(context, 'wq');

function rmpShape(input: Buffer): Shape {
  const context = Buffer.from(h.create_rmp_in.bytes(input, 'ctx'));
  const pd = h.wq.get(workQueue(context), 'pd');
  return { kind: 'rmp', context, ...workRing(input), pd };
}

function xrcShape(input: Buffer): Shape {
  const context = Buffer.from(h.create_xrc_srq_in.bytes(input, 'xrc_srq_context_entry'));
  const slots = {
    count: 2 ** h.xrc_srqc.get(context, 'log_xrc_srq_size'),
    bytes: 16 * 2 ** h.xrc_srqc.get(context, 'log_rq_stride'),
  };
  const pages = queuePages(input, {
    at: h.create_xrc_srq_in.byteOf('pas'),
    logPage: h.xrc_srqc.get(context, 'log_page_size'),
    pageOffset: h.xrc_srqc.get(context, 'page_offset'),
    bytes: slots.count * slots.bytes,
  });
  // Both halves of an address; the lowest bits of the second are no part of it, and zero.
  const record = context.readBigUInt64BE(h.xrc_srqc.byteOf('db_record_addr_h'));
  return { kind: 'xrc', context, pages, slots, record, pd: h.xrc_srqc.get(context, 'pd') };
}

/** RMPs, which are plain SRQs, and those of XRC. */
export function sharedReceives(host: Host, objects: Objects): Entries {
  const { srqs } = objects;
  const create = (shapeOf: (input: Buffer) => Shape) => (call: Call) =>
    answer(srqs.add((number) => new SharedReceives(host, objects, number, shapeOf(call.input))));
  const find = (kind: Kind, call: Pick<Call, 'input'>) => {
    const number = numberIn(call);
    const srq = srqs.find(number);
    must(srq.shape.kind === kind, `SRQ ${number} is of another kind`);
    return srq;
  };
  const query = (kind: Kind, at: number) => (call: Call) =>
    answerWith(find(kind, call).shape.context, at);
  const destroy = (kind: Kind) => (call: Call) => void srqs.remove(find(kind, call).number);
  const modify = ({ input }: Call) => {
    const rmp = find('rmp', { input });
    if (h.modify_rmp_in.get(input, 'bitmask.lwm') === 0) return undefined;
    rmp.arm(h.wq.get(workQueue(h.modify_rmp_in.bytes(input, 'ctx')), 'lwm'));
    return undefined;
  };
  const arm = ({ input }: Call) =>
    void find('xrc', { input }).arm(h.arm_xrc_srq_in.get(input, 'lwm'));
  return [
    [h.MLX5_CMD_OP_CREATE_RMP, create(rmpShape)],
    [h.MLX5_CMD_OP_QUERY_RMP, query('rmp', CONTEXT)],
    [h.MLX5_CMD_OP_MODIFY_RMP, modify],
    [h.MLX5_CMD_OP_DESTROY_RMP, destroy('rmp')],
    [h.MLX5_CMD_OP_CREATE_XRC_SRQ, create(xrcShape)],
    [h.MLX5_CMD_OP_QUERY_XRC_SRQ, query('xrc', XRC_CONTEXT)],
    [h.MLX5_CMD_OP_ARM_XRC_SRQ, arm],
    [h.MLX5_CMD_OP_DESTROY_XRC_SRQ, destroy('xrc')],
  ];
}
