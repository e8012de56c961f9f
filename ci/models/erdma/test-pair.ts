import { place, widePlace } from '../bits.ts';
import { ownerOf } from './event-queue.ts';
import {
  CMDQ_OPCODE_CREATE_AH,
  CMDQ_OPCODE_CREATE_CQ,
  CMDQ_OPCODE_CREATE_QP,
  CMDQ_OPCODE_MODIFY_QP,
  CMDQ_OPCODE_REG_MR,
  CMDQ_OPCODE_SET_GID,
  ERDMA_BAR_CQDB_SPACE_OFFSET,
  ERDMA_BAR_RQDB_SPACE_OFFSET,
  ERDMA_BAR_SQDB_SPACE_OFFSET,
  ERDMA_CMD_CREATE_CQ_DEPTH_MASK,
  ERDMA_CMD_CREATE_CQ_MTT_CNT_MASK,
  ERDMA_CMD_CREATE_QP_MTT_CNT_MASK,
  ERDMA_CMD_CREATE_QP_RQ_DEPTH_MASK,
  ERDMA_CMD_CREATE_QP_SQ_DEPTH_MASK,
  ERDMA_CMD_MODIFY_QP_STATE_MASK,
  ERDMA_CMD_MR_KEY_MASK,
  ERDMA_CMD_MR_VALID_MASK,
  ERDMA_CMD_REGMR_MTT_CNT_MASK,
  ERDMA_CMD_REGMR_PAGESIZE_MASK,
  ERDMA_CMD_REGMR_PD_MASK,
  ERDMA_CMD_REGMR_RIGHT_MASK,
  ERDMA_SQE_HDR_CE_MASK,
  ERDMA_SQE_HDR_INLINE_MASK,
  ERDMA_SQE_HDR_OPCODE_MASK,
  ERDMA_SQE_HDR_QPN_MASK,
  ERDMA_SQE_HDR_SE_MASK,
  ERDMA_SQE_HDR_SGL_LEN_MASK,
  ERDMA_SQE_HDR_WQEBB_CNT_MASK,
  erdma_atomic_sqe,
  erdma_cmdq_create_ah_req,
  erdma_cmdq_create_cq_req,
  erdma_cmdq_create_qp_req,
  erdma_cmdq_mod_qp_req_rocev2,
  erdma_cmdq_reg_mr_req,
  erdma_cmdq_set_gid_req,
  erdma_rqe,
  erdma_send_sqe_rc,
  erdma_send_sqe_ud,
  erdma_sge,
  erdma_write_sqe,
} from './headers/erdma-hw.ts';
import { Machine } from './test-machine.ts';

export const CQ = 0x8000;
export const CQ_DEPTH = 16;
export const DATA = 0x20000;
export const TARGET = 0x30000;
export const REGION_BYTES = 0x4000;
export const PD = 3;
export const QKEY = 0x1234;
export const AH = 5;
/** All rights, and those of a region that is only sent from. */
export const ALL = 31;
export const READ_ONLY = 2;
export const SEND_BLOCKS = 16;
export const RECVS = 8;
/** An IPv4 address as a GID. */
export const GID = Buffer.from('00000000000000000000ffffc6122001', 'hex');

export interface Side {
  readonly number: number;
  readonly sends: number;
  readonly recvs: number;
  sent: number;
  posted: number;
}

export interface Options {
  readonly isDatagram?: boolean;
  readonly rights?: number;
}

/** A buffer of a request: a key, an address, a length. */
export type Buffers = readonly (readonly [key: number, address: number, length: number])[];

/** For unit tests: two queue pairs of one domain on one completion queue that know each other, and two regions. */
export class Pair {
  readonly machine = new Machine();
  readonly from: Side;
  readonly to: Side;
  readonly source: number;
  readonly target: number;
  readonly #isDatagram: boolean;
  #polled = 0;

  constructor({ isDatagram = false, rights = ALL }: Options = {}) {
    const { machine } = this;
    this.#isDatagram = isDatagram;
    machine.createEq(1);
    const gid = erdma_cmdq_set_gid_req.make({ cfg: 0, gid: [...GID] });
    machine.command(CMDQ_OPCODE_SET_GID, gid);
    this.createCq(1);
    this.source = this.region(1, DATA, READ_ONLY | 4);
    this.target = this.region(2, TARGET, rights);
    machine.command(
      CMDQ_OPCODE_CREATE_AH,
      erdma_cmdq_create_ah_req.make({ pdn: PD, ahn: AH, av_cfg: { dgid: [...GID] } }),
    );
    this.from = this.queuePair(1, 2, 0x10000);
    this.to = this.queuePair(2, 1, 0x14000);
  }

  createCq(number: number, init: object = {}): boolean {
    const entry = erdma_cmdq_create_cq_req.make({
      cfg0: number | place(Math.log2(CQ_DEPTH), ERDMA_CMD_CREATE_CQ_DEPTH_MASK),
      cfg1: 1 | place(1, ERDMA_CMD_CREATE_CQ_MTT_CNT_MASK),
      qbuf_addr_l: CQ,
      ...init,
    });
    return this.machine.command(CMDQ_OPCODE_CREATE_CQ, entry).ok;
  }

  region(index: number, address: number, rights: number, pd: number = PD): number {
    const low = index + 0x40;
    const pages = [0, 1, 2, 3].map((page) => BigInt(address + page * 0x1000));
    const entry = erdma_cmdq_reg_mr_req.make({
      cfg0: (index | place(1, ERDMA_CMD_MR_VALID_MASK) | place(low, ERDMA_CMD_MR_KEY_MASK)) >>> 0,
      cfg1: place(pd, ERDMA_CMD_REGMR_PD_MASK) | place(rights, ERDMA_CMD_REGMR_RIGHT_MASK),
      cfg2: place(12, ERDMA_CMD_REGMR_PAGESIZE_MASK) | place(4, ERDMA_CMD_REGMR_MTT_CNT_MASK),
      start_va: BigInt(address),
      size: REGION_BYTES,
      phy_addr: pages,
    });
    return this.machine.command(CMDQ_OPCODE_REG_MR, entry).ok ? index * 256 + low : 0;
  }

  queuePair(number: number, peer: number, at: number, pd: number = PD): Side {
    const side = { number, sends: at, recvs: at + 0x1000, sent: 0, posted: 0 };
    const rings = place(1, ERDMA_CMD_CREATE_QP_MTT_CNT_MASK);
    const entry = erdma_cmdq_create_qp_req.make({
      cfg0: number | place(Math.log2(SEND_BLOCKS), ERDMA_CMD_CREATE_QP_SQ_DEPTH_MASK),
      cfg1: pd | place(Math.log2(RECVS), ERDMA_CMD_CREATE_QP_RQ_DEPTH_MASK),
      sq_cqn_mtt_cfg: 1,
      rq_cqn_mtt_cfg: 1,
      sq_buf_addr: BigInt(side.sends),
      rq_buf_addr: BigInt(side.recvs),
      sq_mtt_cfg: rings,
      rq_mtt_cfg: rings,
      cfg2: this.#isDatagram ? 1 : 0,
    });
    this.machine.command(CMDQ_OPCODE_CREATE_QP, entry);
    this.bringUp(side, peer);
    return side;
  }

  modify({ number }: Side, state: number, mask = 1, init: object = {}): boolean {
    const cfg0 = (number | place(state, ERDMA_CMD_MODIFY_QP_STATE_MASK)) >>> 0;
    const entry = erdma_cmdq_mod_qp_req_rocev2.make({ cfg0, attr_mask: mask, ...init });
    return this.machine.command(CMDQ_OPCODE_MODIFY_QP, entry).ok;
  }

  /** From the reset state to the one that sends. */
  bringUp(side: Side, peer: number): void {
    Object.assign(side, { sent: 0, posted: 0 });
    this.modify(side, 1, 3, { qkey: QKEY });
    this.modify(side, 2, 1 | 4 | 16 | 32, { cfg1: peer, rq_psn: 7, av_cfg: { dgid: [...GID] } });
    this.modify(side, 3, 1 | 8, { sq_psn: 7 });
  }

  receive(side: Side, address: number, length: number, key = this.target): void {
    const { machine } = this;
    const at = side.recvs + (side.posted % RECVS) * 32;
    side.posted++;
    const fields = { qe_idx: side.posted & 0xffff, qpn: side.number, to: BigInt(address) };
    const entry = erdma_rqe.make({ ...fields, length, stag: key });
    machine.memory.write(at, entry);
    machine.ring(ERDMA_BAR_RQDB_SPACE_OFFSET, entry.readBigUInt64LE(0));
  }

  /** Posts a request whose head has what its entry does not. */
  post(side: Side, opcode: number, entry: Buffer, flags: Flags = {}): void {
    const { machine } = this;
    const blocks = Math.ceil(entry.length / 32);
    const head =
      widePlace(opcode, ERDMA_SQE_HDR_OPCODE_MASK) |
      widePlace(side.number, ERDMA_SQE_HDR_QPN_MASK) |
      widePlace(blocks - 1, ERDMA_SQE_HDR_WQEBB_CNT_MASK) |
      widePlace(flags.count ?? 0, ERDMA_SQE_HDR_SGL_LEN_MASK) |
      widePlace(flags.isSilent ? 0 : 1, ERDMA_SQE_HDR_CE_MASK) |
      widePlace(flags.isSolicited ? 1 : 0, ERDMA_SQE_HDR_SE_MASK) |
      widePlace(flags.isInline ? 1 : 0, ERDMA_SQE_HDR_INLINE_MASK);
    entry.writeBigUInt64LE(head, 0);
    for (let block = 0; block < blocks; block++) {
      const at = side.sends + ((side.sent + block) % SEND_BLOCKS) * 32;
      machine.memory.write(at, entry.subarray(block * 32, block * 32 + 32));
    }
    side.sent += blocks;
    const doorbell = widePlace(side.number, ERDMA_SQE_HDR_QPN_MASK) | BigInt(side.sent & 0xffff);
    machine.ring(ERDMA_BAR_SQDB_SPACE_OFFSET, doorbell);
  }

  send(opcode: number, buffers: Buffers, { word = 0, ...flags }: Flags = {}): void {
    const head = erdma_send_sqe_rc.make({ length: total(buffers) });
    head.writeUInt32BE(word, 8);
    this.post(this.from, opcode, withSges(head, buffers), { count: buffers.length, ...flags });
  }

  datagram(opcode: number, buffers: Buffers, init: object = {}, flags: Flags = {}): void {
    const fields = { qkey: QKEY, dst_qpn: this.to.number, ahn: AH, ...init };
    const head = erdma_send_sqe_ud.make({ length: total(buffers), ...fields });
    head.writeUInt32BE(flags.word ?? 0, 8);
    this.post(this.from, opcode, withSges(head, buffers), { count: buffers.length, ...flags });
  }

  write(opcode: number, buffers: Buffers, remote: readonly [number, number], flags: Flags = {}) {
    const [sink_stag, sink_to_l] = remote;
    const head = erdma_write_sqe.make({ length: total(buffers), sink_stag, sink_to_l });
    head.writeUInt32BE(flags.word ?? 0, 8);
    this.post(this.from, opcode, withSges(head, buffers), { count: buffers.length, ...flags });
  }

  /** A read has its sink where a write has it, and one buffer, which is the source. */
  read(opcode: number, local: readonly [number, number], buffers: Buffers, word = 0): void {
    const [sink_stag, sink_to_l] = local;
    const head = erdma_write_sqe.make({ length: total(buffers), sink_stag, sink_to_l });
    head.writeUInt32LE(word, 8);
    this.post(this.from, opcode, withSges(head, buffers));
  }

  atomic(opcode: number, value: bigint, compare: bigint, address = TARGET, key = this.target) {
    const entry = erdma_atomic_sqe.make({
      fetchadd_swap_data: value,
      cmp_data: compare,
      remote: { addr: BigInt(address), key },
      sgl: { addr: BigInt(DATA), key: this.source, length: 8 },
    });
    this.post(this.from, opcode, entry);
  }

  armCq(consumed: number, isSolicited = false): void {
    const kind = 0x8000_0000n | (isSolicited ? 0x4000_0000n : 0n);
    this.machine.ring(ERDMA_BAR_CQDB_SPACE_OFFSET, (1n << 32n) | kind | BigInt(consumed));
  }

  /** The completions since the last call. */
  poll() {
    const all = [];
    for (;;) {
      const at = CQ + (this.#polled % CQ_DEPTH) * 32;
      const entry = this.machine.memory.read(at, 32) ?? Buffer.alloc(32);
      const head = entry.readUInt32BE(0);
      if (head >>> 31 !== ownerOf(this.#polled, CQ_DEPTH)) return all;
      this.#polled++;
      all.push({
        status: head & 0xff,
        queue: (head >>> 8) & 0xff,
        opcode: (head >>> 16) & 0xff,
        index: entry.readUInt32BE(4),
        qpn: entry.readUInt32BE(8),
        word: entry.readUInt32LE(12),
        size: entry.readUInt32BE(16),
        info: entry.readUInt32BE(28),
      });
    }
  }

  statuses(): readonly number[] {
    return this.poll().map(({ status }) => status);
  }
}

export interface Flags {
  readonly count?: number;
  readonly isSilent?: boolean;
  readonly isSolicited?: boolean;
  readonly isInline?: boolean;
  /** Immediate data, or a key. */
  readonly word?: number;
}

const total = (buffers: Buffers): number => buffers.reduce((all, [, , length]) => all + length, 0);

function withSges(head: Buffer, buffers: Buffers): Buffer {
  const sges = buffers.map(([key, address, length]) =>
    erdma_sge.make({ key, addr: BigInt(address), length }),
  );
  return Buffer.concat([head, ...sges]);
}
