import {
  efa_io_rx_cdesc,
  efa_io_rx_desc,
  efa_io_tx_wqe,
} from '../../../providers/rdma/efa/io-defs.ts';
import {
  EFA_ADMIN_ALLOC_PD,
  EFA_ADMIN_ALLOC_UAR,
  EFA_ADMIN_CREATE_AH,
  EFA_ADMIN_CREATE_CQ,
  EFA_ADMIN_CREATE_QP,
  EFA_ADMIN_MODIFY_QP,
  EFA_ADMIN_REG_MR,
  efa_admin_create_ah_cmd,
  efa_admin_create_cq_cmd,
  efa_admin_create_qp_cmd,
  efa_admin_create_qp_resp,
  efa_admin_modify_qp_cmd,
  efa_admin_reg_mr_cmd,
} from './headers/efa-admin-cmds-defs.ts';
import { GID, LLQ_BAR } from './limits.ts';
import { Machine } from './test-machine.ts';

export const CQ = 0x8000;
export const RECV_RING = 0x9000;
export const DATA = 0x10000;
export const TARGET = 0x20000;
export const CQ_DEPTH = 16;
export const SRD = 2;
export const UD = 1;
export const QKEY = 0x1234;

export interface Side {
  readonly number: number;
  readonly handle: number;
  readonly sendDoorbell: number;
  readonly recvDoorbell: number;
  readonly sends: number;
  readonly recvRing: number;
  sent: number;
  posted: number;
}

/** For unit tests: two queue pairs of one domain on one completion queue, a handle to their own device and two regions. */
export class Pair {
  readonly machine = new Machine();
  readonly from: Side;
  readonly to: Side;
  readonly ah: number;
  readonly source: number;
  readonly target: number;
  #polled = 0;

  constructor(type: number, permissions = 7) {
    const { machine } = this;
    machine.command(EFA_ADMIN_ALLOC_PD, Buffer.alloc(0));
    machine.command(EFA_ADMIN_ALLOC_UAR, Buffer.alloc(0));
    machine.command(
      EFA_ADMIN_CREATE_CQ,
      efa_admin_create_cq_cmd.make({
        cq_caps_2: 4,
        sub_cq_depth: CQ_DEPTH,
        num_sub_cqs: 1,
        cq_ba: { mem_addr_low: CQ },
      }),
    );
    this.ah = this.handle(GID);
    this.source = this.region(DATA, 1);
    this.target = this.region(TARGET, permissions);
    this.from = this.#queuePair(type, RECV_RING);
    this.to = this.#queuePair(type, RECV_RING + 0x1000);
  }

  handle(gid: Buffer): number {
    const payload = efa_admin_create_ah_cmd.make({ dest_addr: gid });
    return this.machine.command(EFA_ADMIN_CREATE_AH, payload).answer.readUInt16LE(8);
  }

  region(address: number, permissions: number): number {
    const payload = efa_admin_reg_mr_cmd.make({
      flags: 12,
      iova: BigInt(address),
      mr_length: 0x4000n,
      permissions,
      pbl: { inline_pbl_array: [0, 1, 2, 3].map((page) => BigInt(address + page * 0x1000)) },
    });
    return this.machine.command(EFA_ADMIN_REG_MR, payload).answer.readUInt32LE(8);
  }

  modify(side: Side, init: object): number {
    const payload = efa_admin_modify_qp_cmd.make({ qp_handle: side.handle, ...init });
    return this.machine.command(EFA_ADMIN_MODIFY_QP, payload).status;
  }

  #queuePair(type: number, recvRing: number): Side {
    const payload = efa_admin_create_qp_cmd.make({
      qp_type: type,
      rq_base_addr: BigInt(recvRing),
      qp_alloc_size: {
        send_queue_ring_size: 16 * 64,
        send_queue_depth: 16,
        recv_queue_ring_size: 8 * 16,
        recv_queue_depth: 8,
      },
    });
    const { answer } = this.machine.command(EFA_ADMIN_CREATE_QP, payload);
    const made = efa_admin_create_qp_resp.decode(answer);
    const side = {
      number: made.qp_num,
      handle: made.qp_handle,
      sent: 0,
      posted: 0,
      recvRing,
      sendDoorbell: made.sq_db_offset,
      recvDoorbell: made.rq_db_offset,
      sends: made.llq_descriptors_offset,
    };
    this.bringUp(side);
    return side;
  }

  /** From the reset state to the one that sends. */
  bringUp(side: Side): void {
    this.modify(side, { modify_mask: 5, qp_state: 1, qkey: QKEY });
    this.modify(side, { modify_mask: 1, qp_state: 2 });
    this.modify(side, { modify_mask: 9, qp_state: 3 });
  }

  bringDown(side: Side): void {
    this.modify(side, { modify_mask: 1, qp_state: 0 });
    Object.assign(side, { sent: 0, posted: 0 });
  }

  #ring(offset: number, value: number): void {
    const data = Buffer.alloc(4);
    data.writeUInt32LE(value & 0xffff);
    this.machine.device.writeBar(4, offset, data);
  }

  receive(side: Side, spans: readonly (readonly [address: number, length: number])[], key = -1) {
    const lkey = key < 0 ? this.target : key;
    for (const [i, [address, length]] of spans.entries()) {
      const flags = (i === 0 ? 2 ** 30 : 0) + (i === spans.length - 1 ? 2 ** 31 : 0);
      const descriptor = efa_io_rx_desc.make({
        buf_addr_lo: address,
        length,
        req_id: 0x77,
        lkey_ctrl: lkey + flags,
      });
      this.machine.memory.write(side.recvRing + (side.posted % 8) * 16, descriptor);
      side.posted++;
    }
    this.#ring(side.recvDoorbell, side.posted);
  }

  /** Posts one request. The rest of its fields are those of a message from one side to the other. */
  send(operation: number, { meta = {}, data = {}, flags = 0 }: SendInit = {}): void {
    const { from, to } = this;
    const wqe = efa_io_tx_wqe.make({
      meta: {
        req_id: 0x33,
        ctrl1: 0x80 | operation | flags,
        ctrl2: 0x1c,
        length: 1,
        dest_qp_num: to.number,
        ah: this.ah,
        qkey: QKEY,
        ...meta,
      },
      data,
    });
    this.machine.device.writeBar(LLQ_BAR, from.sends + (from.sent % 16) * 64, wqe);
    from.sent++;
    this.#ring(from.sendDoorbell, from.sent);
  }

  /** The completions since the last call: what they say, first of all their status. */
  poll(): readonly ReturnType<typeof efa_io_rx_cdesc.decode>[] {
    const all = [];
    for (;;) {
      const at = CQ + (this.#polled % CQ_DEPTH) * 16;
      const entry = this.machine.memory.read(at, 16) ?? Buffer.alloc(16);
      const phase = (Math.floor(this.#polled / CQ_DEPTH) & 1) ^ 1;
      if (((entry[3] ?? 0) & 1) !== phase) return all;
      this.#polled++;
      all.push(efa_io_rx_cdesc.decode(entry));
    }
  }

  statuses(): readonly number[] {
    return this.poll().map(({ common }) => common.status);
  }
}

export interface SendInit {
  readonly meta?: object;
  readonly data?: object;
  readonly flags?: number;
}

export const sgl = (lkey: number, address: number, length: number) => {
  return { sgl: [{ lkey, length, buf_addr_lo: address }] };
};

export const rdma = (pair: Pair, length: number, remote: object = {}, local: object = {}) => ({
  rdma_req: {
    remote_mem: { rkey: pair.target, buf_addr_lo: TARGET + 0x100, length, ...remote },
    local_mem: [{ lkey: pair.source, buf_addr_lo: DATA, length, ...local }],
  },
});
