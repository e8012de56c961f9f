import t from 'tap';
import {
  EFA_IO_COMP_STATUS_FLUSHED,
  EFA_IO_COMP_STATUS_LOCAL_ERROR_BAD_LENGTH,
  EFA_IO_COMP_STATUS_LOCAL_ERROR_INVALID_AH,
  EFA_IO_COMP_STATUS_LOCAL_ERROR_INVALID_LKEY,
  EFA_IO_COMP_STATUS_LOCAL_ERROR_UNREACH_REMOTE,
  EFA_IO_COMP_STATUS_LOCAL_ERROR_UNSUPPORTED_OP,
  EFA_IO_COMP_STATUS_OK,
  EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_ADDRESS,
  EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_DEST_QPN,
  EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_LENGTH,
  EFA_IO_COMP_STATUS_REMOTE_ERROR_RNR,
  EFA_IO_RDMA_READ,
  EFA_IO_RDMA_WRITE,
  EFA_IO_SEND,
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
  EFA_ADMIN_DEREG_MR,
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

const CQ = 0x8000;
const RECV_RING = 0x9000;
const DATA = 0x10000;
const TARGET = 0x20000;
const CQ_DEPTH = 16;
const SRD = 2;
const UD = 1;
const QKEY = 0x1234;

interface Side {
  readonly number: number;
  readonly handle: number;
  readonly sendDoorbell: number;
  readonly recvDoorbell: number;
  readonly sends: number;
  readonly recvRing: number;
  sent: number;
  posted: number;
}

/** Two queue pairs of one domain on one completion queue, a handle to their own device and two regions. */
class Pair {
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
        ...{ cq_caps_2: 4, sub_cq_depth: CQ_DEPTH, num_sub_cqs: 1 },
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
      ...{ flags: 12, iova: BigInt(address), mr_length: 0x4000n, permissions },
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
        ...{ send_queue_ring_size: 16 * 64, send_queue_depth: 16 },
        ...{ recv_queue_ring_size: 8 * 16, recv_queue_depth: 8 },
      },
    });
    const { answer } = this.machine.command(EFA_ADMIN_CREATE_QP, payload);
    const made = efa_admin_create_qp_resp.decode(answer);
    const side = {
      ...{ number: made.qp_num, handle: made.qp_handle, sent: 0, posted: 0, recvRing },
      ...{ sendDoorbell: made.sq_db_offset, recvDoorbell: made.rq_db_offset },
      sends: made.llq_descriptors_offset,
    };
    this.modify(side, { modify_mask: 5, qp_state: 1, qkey: QKEY });
    this.modify(side, { modify_mask: 1, qp_state: 2 });
    this.modify(side, { modify_mask: 9, qp_state: 3 });
    return side;
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
        ...{ buf_addr_lo: address, length, req_id: 0x77, lkey_ctrl: lkey + flags },
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
        ...{ req_id: 0x33, ctrl1: 0x80 | operation | flags, ctrl2: 0x1c, length: 1 },
        ...{ dest_qp_num: to.number, ah: this.ah, qkey: QKEY, ...meta },
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

interface SendInit {
  readonly meta?: object;
  readonly data?: object;
  readonly flags?: number;
}

const sgl = (lkey: number, address: number, length: number) => {
  return { sgl: [{ lkey, length, buf_addr_lo: address }] };
};

const rdma = (pair: Pair, length: number, remote: object = {}, local: object = {}) => ({
  rdma_req: {
    remote_mem: { rkey: pair.target, buf_addr_lo: TARGET + 0x100, length, ...remote },
    local_mem: [{ lkey: pair.source, buf_addr_lo: DATA, length, ...local }],
  },
});

t.test('a message arrives where it was asked for', async (t) => {
  const pair = new Pair(SRD);
  const { memory } = pair.machine;
  memory.write(DATA + 0xffe, Buffer.from('across two pages'));
  pair.receive(pair.to, [
    [TARGET + 0x10, 6],
    [TARGET + 0x1ffc, 100],
  ]);
  pair.send(EFA_IO_SEND, {
    flags: 0x10,
    meta: { immediate_data: 0xabcd },
    data: sgl(pair.source, DATA + 0xffe, 16),
  });
  t.equal(memory.read(TARGET + 0x10, 6)?.toString(), 'across');
  t.equal(memory.read(TARGET + 0x1ffc, 10)?.toString(), ' two pages');
  const [received, sent] = pair.poll();
  t.match(received, {
    ...{ length: 16, ah: pair.ah, src_qp_num: pair.from.number, imm: 0xabcd },
    common: { req_id: 0x77, status: 0, flags: 1 | (2 << 1) | 8, qp_num: pair.to.number },
  });
  t.match(sent?.common, { req_id: 0x33, status: 0, flags: 1 | (1 << 1), qp_num: pair.from.number });
});

t.test('data in the request needs no key', async (t) => {
  const pair = new Pair(UD);
  pair.receive(pair.to, [[TARGET, 32]]);
  const data = { inline_data: [...Buffer.from('inline').values()] };
  pair.send(EFA_IO_SEND, { flags: 0x20, meta: { length: 6 }, data });
  t.same(pair.statuses(), [0, 0]);
  t.equal(pair.machine.memory.read(TARGET, 6)?.toString(), 'inline');
});

t.test('rings and completion queues are gone around', async (t) => {
  const pair = new Pair(SRD);
  for (let i = 0; i < 40; i++) {
    pair.receive(pair.to, [[TARGET, 4]]);
    pair.send(EFA_IO_SEND, { data: sgl(pair.source, DATA, 4) });
    t.same(pair.statuses(), [0, 0]);
  }
});

t.test('remote memory is written and read', async (t) => {
  const pair = new Pair(SRD);
  const { memory } = pair.machine;
  memory.write(DATA, Buffer.from('written'));
  pair.send(EFA_IO_RDMA_WRITE, { data: rdma(pair, 7) });
  t.same(pair.statuses(), [EFA_IO_COMP_STATUS_OK]);
  t.equal(memory.read(TARGET + 0x100, 8)?.toString(), 'written\0');
  memory.write(TARGET + 0x100, Buffer.from('to be read'));
  pair.send(EFA_IO_RDMA_READ, { data: rdma(pair, 10) });
  t.same(pair.statuses(), [EFA_IO_COMP_STATUS_OK]);
  t.equal(memory.read(DATA, 10)?.toString(), 'to be read');
  pair.receive(pair.to, [[TARGET, 0]]);
  pair.send(EFA_IO_RDMA_WRITE, { flags: 0x10, meta: { immediate_data: 5 }, data: rdma(pair, 3) });
  const [received] = pair.poll();
  t.match(received, { imm: 5, length: 3, common: { flags: 1 | (2 << 1) | 8 | (2 << 4) } });
});

interface Failure {
  readonly title: string;
  readonly expected: readonly number[];
  readonly operation?: number;
  readonly init: (pair: Pair) => SendInit;
  readonly posts?: boolean;
  readonly permissions?: number;
  readonly type?: number;
}

const FAILURES: readonly Failure[] = [
  {
    title: 'a handle that is not there',
    expected: [EFA_IO_COMP_STATUS_LOCAL_ERROR_INVALID_AH],
    init: (pair) => ({ meta: { ah: 99 }, data: sgl(pair.source, DATA, 4) }),
  },
  {
    title: 'a key that is not there',
    expected: [EFA_IO_COMP_STATUS_LOCAL_ERROR_INVALID_LKEY],
    init: () => ({ data: sgl(0xabcdef, DATA, 4) }),
  },
  {
    title: 'a byte beyond the region',
    expected: [EFA_IO_COMP_STATUS_LOCAL_ERROR_INVALID_LKEY],
    init: (pair) => ({ data: sgl(pair.source, DATA + 0x3ffd, 4) }),
  },
  {
    title: 'a message longer than a packet',
    expected: [EFA_IO_COMP_STATUS_LOCAL_ERROR_BAD_LENGTH],
    init: (pair) => ({ data: sgl(pair.source, DATA, 8929) }),
  },
  {
    title: 'three buffers',
    expected: [EFA_IO_COMP_STATUS_LOCAL_ERROR_BAD_LENGTH],
    init: (pair) => ({ meta: { length: 3 }, data: sgl(pair.source, DATA, 4) }),
  },
  {
    title: 'a queue pair that is not there',
    expected: [EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_DEST_QPN],
    init: (pair) => ({ meta: { dest_qp_num: 77 }, data: sgl(pair.source, DATA, 4) }),
  },
  {
    title: 'a wrong queue key',
    expected: [EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_DEST_QPN],
    init: (pair) => ({ meta: { qkey: 1 }, data: sgl(pair.source, DATA, 4) }),
  },
  {
    title: 'another device',
    expected: [EFA_IO_COMP_STATUS_LOCAL_ERROR_UNREACH_REMOTE],
    init: (pair) => ({
      meta: { ah: pair.handle(Buffer.alloc(16, 9)) },
      data: sgl(pair.source, DATA, 4),
    }),
  },
  {
    title: 'nothing posted',
    expected: [EFA_IO_COMP_STATUS_REMOTE_ERROR_RNR],
    init: (pair) => ({ data: sgl(pair.source, DATA, 4) }),
  },
  {
    title: 'a datagram that nobody waits for',
    type: UD,
    expected: [EFA_IO_COMP_STATUS_OK],
    init: (pair) => ({ data: sgl(pair.source, DATA, 4) }),
  },
  {
    title: 'too short a receive buffer',
    posts: true,
    expected: [
      EFA_IO_COMP_STATUS_LOCAL_ERROR_BAD_LENGTH,
      EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_LENGTH,
    ],
    init: (pair) => ({ data: sgl(pair.source, DATA, 9) }),
  },
  {
    title: 'RDMA on UD',
    type: UD,
    operation: EFA_IO_RDMA_READ,
    expected: [EFA_IO_COMP_STATUS_LOCAL_ERROR_UNSUPPORTED_OP],
    init: (pair) => ({ data: rdma(pair, 4) }),
  },
  {
    title: 'a region that must not be read',
    operation: EFA_IO_RDMA_READ,
    permissions: 3,
    expected: [EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_ADDRESS],
    init: (pair) => ({ data: rdma(pair, 4) }),
  },
  {
    title: 'a region that must not be written',
    operation: EFA_IO_RDMA_WRITE,
    permissions: 5,
    expected: [EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_ADDRESS],
    init: (pair) => ({ data: rdma(pair, 4) }),
  },
  {
    title: 'a remote byte beyond the region',
    operation: EFA_IO_RDMA_WRITE,
    expected: [EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_ADDRESS],
    init: (pair) => ({ data: rdma(pair, 4, { buf_addr_lo: TARGET + 0x3ffd }) }),
  },
  {
    title: 'lengths that differ',
    operation: EFA_IO_RDMA_WRITE,
    expected: [EFA_IO_COMP_STATUS_LOCAL_ERROR_BAD_LENGTH],
    init: (pair) => ({ data: rdma(pair, 4, { length: 5 }) }),
  },
];

t.test('each failure has its status', async (t) => {
  for (const { title, type = SRD, permissions = 7, posts, operation = 0, ...rest } of FAILURES) {
    const pair = new Pair(type, permissions);
    if (posts) pair.receive(pair.to, [[TARGET, 8]]);
    const init = rest.init(pair);
    pair.send(operation, init);
    t.same(pair.statuses(), rest.expected, title);
    const isClean = pair.machine.memory.read(TARGET, 0x4000)?.every((byte) => byte === 0);
    t.equal(isClean, true, `${title}: nothing is written`);
  }
});

t.test('a read needs a local region that may be written', async (t) => {
  const pair = new Pair(SRD);
  const lkey = pair.region(DATA, 4);
  pair.send(EFA_IO_RDMA_READ, { data: rdma(pair, 4, {}, { lkey }) });
  t.same(pair.statuses(), [EFA_IO_COMP_STATUS_LOCAL_ERROR_INVALID_LKEY]);
});

t.test('a key dies with its region', async (t) => {
  const pair = new Pair(SRD);
  const key = Buffer.alloc(4);
  key.writeUInt32LE(pair.source);
  pair.machine.command(EFA_ADMIN_DEREG_MR, key);
  pair.region(DATA, 1);
  pair.send(EFA_IO_SEND, { data: sgl(pair.source, DATA, 4) });
  t.same(pair.statuses(), [EFA_IO_COMP_STATUS_LOCAL_ERROR_INVALID_LKEY]);
});

t.test('a sender that retries waits for its receiver', async (t) => {
  const pair = new Pair(SRD);
  t.equal(pair.modify(pair.from, { modify_mask: 0x20, rnr_retry: 7 }), 0);
  pair.send(EFA_IO_SEND, { data: sgl(pair.source, DATA, 4) });
  t.same(pair.statuses(), [], 'not ready');
  t.equal(pair.machine.device.wakeAtMs, undefined, 'for ever');
  pair.receive(pair.to, [[TARGET, 4]]);
  t.same(pair.statuses(), [0, 0]);
  pair.modify(pair.from, { modify_mask: 0x20, rnr_retry: 1 });
  pair.send(EFA_IO_SEND, { data: sgl(pair.source, DATA, 4) });
  const wakeAtMs = pair.machine.device.wakeAtMs ?? 0;
  t.ok(wakeAtMs > performance.now(), 'or for a while');
  await new Promise((resolve) => setTimeout(resolve, wakeAtMs - performance.now() + 1));
  pair.machine.device.wake();
  t.same(pair.statuses(), [EFA_IO_COMP_STATUS_REMOTE_ERROR_RNR]);
});

t.test('what waits is flushed', async (t) => {
  const pair = new Pair(SRD);
  pair.modify(pair.from, { modify_mask: 0x20, rnr_retry: 7 });
  pair.send(EFA_IO_SEND, { data: sgl(pair.source, DATA, 4) });
  pair.receive(pair.from, [[TARGET, 4]]);
  pair.modify(pair.from, { modify_mask: 1, qp_state: 6 });
  t.same(pair.statuses(), [EFA_IO_COMP_STATUS_FLUSHED, EFA_IO_COMP_STATUS_FLUSHED]);
  pair.send(EFA_IO_SEND, { data: sgl(pair.source, DATA, 4) });
  t.same(pair.statuses(), [EFA_IO_COMP_STATUS_FLUSHED], 'and what comes later');
});
