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
} from '../../../providers/rdma/efa/io-defs.ts';
import { EFA_ADMIN_DEREG_MR } from './headers/efa-admin-cmds-defs.ts';

import { DATA, Pair, rdma, type SendInit, SRD, sgl, TARGET, UD } from './test-pair.ts';

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
    length: 16,
    ah: pair.ah,
    src_qp_num: pair.from.number,
    imm: 0xabcd,
    common: { req_id: 0x77, status: 0, flags: 1 | (2 << 1) | 8, qp_num: pair.to.number },
  });
  t.match(sent?.common, { req_id: 0x33, status: 0, flags: 1 | (1 << 1), qp_num: pair.from.number });
});

t.test('data in the request needs no key', async (t) => {
  const pair = new Pair(UD);
  pair.receive(pair.to, [[TARGET, 46]]);
  const data = { inline_data: [...Buffer.from('inline').values()] };
  pair.send(EFA_IO_SEND, { flags: 0x20, meta: { length: 6 }, data });
  t.same(pair.statuses(), [0, 0]);
  t.equal(pair.machine.memory.read(TARGET + 40, 6)?.toString(), 'inline');
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
    title: 'a receive without room for what is before a datagram',
    type: UD,
    posts: true,
    expected: [EFA_IO_COMP_STATUS_LOCAL_ERROR_BAD_LENGTH, EFA_IO_COMP_STATUS_OK],
    init: (pair) => ({ data: sgl(pair.source, DATA, 4) }),
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
  // A timer may be early.
  while (performance.now() < wakeAtMs) await new Promise((resolve) => setTimeout(resolve, 1));
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
