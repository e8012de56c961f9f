import type { Link } from './capabilities.ts';
import * as h from './headers/ifc.ts';
import { FIRST_UAR, LID, MEMIC_START } from './limits.ts';
import { OWN_GID } from './routes.ts';
import { type Answer, Machine, PAGES } from './test-machine.ts';

export const ASYNC_EVENTS = 0x10000;
export const COMPLETION_EVENTS = 0x11000;
export const CQ = 0x12000;
export const CQ_DEPTH = 16;
const RECORDS = 0x14000;
export const CQ_RECORD = RECORDS;
export const SRQ_RECORD = RECORDS + 0x40;
const QP_RECORDS = RECORDS + 0x80;
const QUEUES = 0x20000;
export const SRQ = 0x30000;
export const DATA = 0x40000;
export const TARGET = 0x50000;
export const REGION_BYTES = 0x2000;
export const PD = 3;
export const XRCD = 9;
export const QKEY = 0x1234;
export const RECVS = 8;
export const RECEIVE_BYTES = 64;
export const SEND_BLOCKS = 16;
export const SRQ_SLOTS = 8;
export const UAR = FIRST_UAR + 2;
const QP_CONTEXT = 24;
const PSN = 7;

export const RIGHTS = ['lr', 'lw', 'rr', 'rw', 'a'] as const;
type Right = (typeof RIGHTS)[number];

export interface Side {
  readonly number: number;
  readonly at: number;
  readonly record: number;
  sent: number;
  posted: number;
}

export interface Options {
  readonly link?: Link;
  readonly type?: number;
  readonly rights?: readonly Right[];
  /** Receives of the far side are shared. */
  readonly isShared?: boolean;
  /** Fields of both contexts. */
  readonly context?: Partial<Record<Parameters<typeof h.qpc.get>[1], number>>;
  /** 0 for one that never ends. */
  readonly ackTimeout?: number;
}

/** For unit tests: two queue pairs of one domain on one completion queue that know each other, and two regions. */
export class Setup {
  readonly machine: Machine;
  readonly from: Side;
  readonly to: Side;
  readonly source: number;
  readonly target: number;
  readonly cqn: number;
  readonly options: Options;
  /** The number of the shared receive queue; 0 where there is none. */
  readonly srqn: number;

  constructor(options: Options = {}) {
    this.options = options;
    this.machine = new Machine(options.link);
    const { machine } = this;
    machine.createEq(ASYNC_EVENTS, true);
    const eqn = machine.createEq(COMPLETION_EVENTS, false);
    this.cqn = this.createCq(eqn).number;
    this.source = this.region(DATA, ['lr', 'lw']);
    this.target = this.region(TARGET, options.rights ?? RIGHTS);
    this.srqn = options.isShared === true ? this.#createSrq() : 0;
    this.from = this.queuePair(0);
    this.to = this.queuePair(1);
    this.bringUp(this.from, this.to.number);
    this.bringUp(this.to, this.from.number);
  }

  get isXrc(): boolean {
    return this.options.type === h.MLX5_QPC_ST_XRC;
  }

  createCq(eqn: number): Answer {
    const input = Buffer.alloc(PAGES + 8);
    const context = h.create_cq_in.bytes(input, 'cq_context');
    h.cqc.set(context, 'log_cq_size', Math.log2(CQ_DEPTH));
    h.cqc.set(context, 'uar_page', UAR);
    h.cqc.set(context, 'c_eqn_or_apu_element', eqn);
    h.cqc.setBig(context, 'dbr_addr', BigInt(CQ_RECORD));
    input.writeBigUInt64BE(BigInt(CQ), PAGES);
    for (let i = 0; i < CQ_DEPTH; i++)
      this.machine.memory.write(CQ + i * 64 + 63, Buffer.from([h.MLX5_CQE_INVALID << 4]));
    return this.machine.command(h.MLX5_CMD_OP_CREATE_CQ, input);
  }

  /** A key, or 0 where it is refused. */
  region(address: number, rights: readonly Right[], pd = PD): number {
    const input = Buffer.alloc(PAGES + 16);
    const context = h.create_mkey_in.bytes(input, 'memory_key_mkey_entry');
    for (const right of rights) h.mkc.set(context, right, 1);
    const fields = { access_mode_1_0: h.MLX5_MKC_ACCESS_MODE_MTT, mkey_7_0: 0x42, pd };
    for (const [field, value] of Object.entries(fields))
      h.mkc.set(context, field as keyof typeof fields, value);
    h.mkc.set(context, 'qpn', 0xffffff);
    h.mkc.set(context, 'log_page_size', 12);
    h.mkc.setBig(context, 'start_addr', BigInt(address));
    h.mkc.setBig(context, 'len', BigInt(REGION_BYTES));
    for (const page of [0, 1])
      input.writeBigUInt64BE(BigInt(address + page * 0x1000), PAGES + 8 * page);
    return this.#keyOf(this.machine.command(h.MLX5_CMD_OP_CREATE_MKEY, input), 0x42);
  }

  /** A key of memory of the device, at this offset of all of it. */
  deviceKey(offset: number, length: number): number {
    const input = Buffer.alloc(PAGES);
    const context = h.create_mkey_in.bytes(input, 'memory_key_mkey_entry');
    for (const right of RIGHTS) h.mkc.set(context, right, 1);
    h.mkc.set(context, 'access_mode_1_0', h.MLX5_MKC_ACCESS_MODE_MEMIC & 3);
    h.mkc.set(context, 'access_mode_4_2', h.MLX5_MKC_ACCESS_MODE_MEMIC >> 2);
    h.mkc.set(context, 'qpn', 0xffffff);
    h.mkc.set(context, 'pd', PD);
    h.mkc.setBig(context, 'start_addr', BigInt(MEMIC_START + offset));
    h.mkc.setBig(context, 'len', BigInt(length));
    return this.#keyOf(this.machine.command(h.MLX5_CMD_OP_CREATE_MKEY, input), 0);
  }

  /** A key without memory, which requests give it. */
  freeKey(): number {
    const input = Buffer.alloc(PAGES);
    const context = h.create_mkey_in.bytes(input, 'memory_key_mkey_entry');
    for (const field of ['free', 'umr_en', 'lr', 'en_rinval'] as const)
      h.mkc.set(context, field, 1);
    h.mkc.set(context, 'translations_octword_size', 4);
    h.mkc.set(context, 'access_mode_1_0', h.MLX5_MKC_ACCESS_MODE_KLMS);
    h.mkc.set(context, 'qpn', 0xffffff);
    h.mkc.set(context, 'pd', PD);
    return this.#keyOf(this.machine.command(h.MLX5_CMD_OP_CREATE_MKEY, input), 0);
  }

  #keyOf({ ok, number }: Answer, variant: number): number {
    return ok ? (number << 8) | variant : 0;
  }

  #createSrq(): number {
    const { machine } = this;
    for (let slot = 0; slot < SRQ_SLOTS; slot++)
      machine.setWord(SRQ + slot * RECEIVE_BYTES, (slot + 1) % SRQ_SLOTS);
    if (this.isXrc) {
      const input = Buffer.alloc(PAGES + 8);
      const context = h.create_xrc_srq_in.bytes(input, 'xrc_srq_context_entry');
      const fields = { log_xrc_srq_size: 3, log_rq_stride: 2, xrcd: XRCD, cqn: this.cqn, pd: PD };
      for (const [field, value] of Object.entries(fields))
        h.xrc_srqc.set(context, field as keyof typeof fields, value);
      h.xrc_srqc.set(context, 'user_index', 0x777);
      h.xrc_srqc.set(context, 'db_record_addr_l', SRQ_RECORD / 4);
      input.writeBigUInt64BE(BigInt(SRQ), PAGES);
      return machine.command(h.MLX5_CMD_OP_CREATE_XRC_SRQ, input).number;
    }
    const input = Buffer.alloc(PAGES + 8);
    const queue = h.rmpc.bytes(h.create_rmp_in.bytes(input, 'ctx'), 'wq');
    h.wq.set(queue, 'log_wq_sz', 3);
    h.wq.set(queue, 'log_wq_stride', 6);
    h.wq.set(queue, 'pd', PD);
    h.wq.setBig(queue, 'dbr_addr', BigInt(SRQ_RECORD));
    input.writeBigUInt64BE(BigInt(SRQ), PAGES);
    return machine.command(h.MLX5_CMD_OP_CREATE_RMP, input).number;
  }

  limit(below: number): boolean {
    const { machine, srqn } = this;
    if (this.isXrc) {
      const input = h.arm_xrc_srq_in.make({ xrc_srqn: srqn, lwm: below });
      return machine.command(h.MLX5_CMD_OP_ARM_XRC_SRQ, input).ok;
    }
    const input = h.modify_rmp_in.make({ rmpn: srqn, 'bitmask.lwm': 1 });
    h.wq.set(h.rmpc.bytes(h.modify_rmp_in.bytes(input, 'ctx'), 'wq'), 'lwm', below);
    return machine.command(h.MLX5_CMD_OP_MODIFY_RMP, input).ok;
  }

  queuePair(
    place: number,
    fields: Partial<Record<Parameters<typeof h.qpc.get>[1], number>> = {},
  ): Side {
    const isTarget = place === 1;
    const isShared = this.srqn !== 0 && isTarget;
    const input = Buffer.alloc(PAGES + 8);
    const context = h.create_qp_in.bytes(input, 'qpc');
    const all = {
      st: this.options.type ?? h.MLX5_QPC_ST_RC,
      pd: PD,
      uar_page: UAR,
      log_rq_size: Math.log2(RECVS),
      log_rq_stride: 2,
      log_sq_size: Math.log2(SEND_BLOCKS),
      rq_type: isShared || this.isXrc ? h.MLX5_SRQ_RQ : h.MLX5_NON_ZERO_RQ,
      no_sq: this.isXrc && isTarget ? 1 : 0,
      srqn_rmpn_xrqn: this.srqn,
      xrcd: XRCD,
      cqn_snd: this.cqn,
      cqn_rcv: this.cqn,
      user_index: 0x100 + place,
      ...this.options.context,
      ...fields,
    };
    for (const [field, value] of Object.entries(all))
      h.qpc.set(context, field as keyof typeof all, value);
    const at = QUEUES + place * 0x1000;
    const record = QP_RECORDS + place * 0x40;
    h.qpc.setBig(context, 'dbr_addr', BigInt(record));
    input.writeBigUInt64BE(BigInt(at), PAGES);
    const { number } = this.machine.command(h.MLX5_CMD_OP_CREATE_QP, input);
    const hasRing = all.rq_type === h.MLX5_NON_ZERO_RQ;
    const sends = hasRing ? at + RECVS * RECEIVE_BYTES : at;
    return { number, at: sends, record, sent: 0, posted: 0 };
  }

  modify(
    { number }: Side,
    opcode: number,
    context: Buffer = Buffer.alloc(h.qpc.sizeBytes),
  ): Answer {
    const input = Buffer.alloc(QP_CONTEXT + h.qpc.sizeBytes);
    input.writeUInt32BE(number, 8);
    context.copy(input, QP_CONTEXT);
    return this.machine.command(opcode, input);
  }

  /** From the reset state to the one that sends. */
  bringUp(side: Side, peer: number): void {
    Object.assign(side, { sent: 0, posted: 0 });
    this.machine.memory.write(side.record, Buffer.alloc(8));
    const context = h.qpc.make({ rre: 1, rwe: 1, rae: 1, q_key: QKEY, mtu: 3, remote_qpn: peer });
    const rest = { next_rcv_psn: PSN, next_send_psn: PSN, min_rnr_nak: 1, ...this.options.context };
    for (const [field, value] of Object.entries(rest))
      h.qpc.set(context, field as keyof typeof rest, value);
    const path = h.qpc.bytes(context, 'primary_address_path');
    h.ads.set(path, 'rlid', LID);
    h.ads.set(path, 'grh', 1);
    h.ads.set(path, 'ack_timeout', this.options.ackTimeout ?? 1);
    OWN_GID.copy(path, h.ads.byteOf('rgid_rip'));
    for (const opcode of [
      h.MLX5_CMD_OP_RST2INIT_QP,
      h.MLX5_CMD_OP_INIT2RTR_QP,
      h.MLX5_CMD_OP_RTR2RTS_QP,
    ])
      this.modify(side, opcode, context);
  }

  state({ number }: Side): number {
    const input = Buffer.alloc(16);
    input.writeUInt32BE(number, 8);
    const { output } = this.machine.command(h.MLX5_CMD_OP_QUERY_QP, input);
    return h.qpc.get(output.subarray(QP_CONTEXT), 'state');
  }
}
