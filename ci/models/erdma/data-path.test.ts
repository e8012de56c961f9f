import t from 'tap';
import {
  CMDQ_OPCODE_REG_MR,
  ERDMA_OP_ATOMIC_CAS,
  ERDMA_OP_ATOMIC_FAA,
  ERDMA_OP_LOCAL_INV,
  ERDMA_OP_READ,
  ERDMA_OP_RECEIVE,
  ERDMA_OP_RECV_IMM,
  ERDMA_OP_RECV_INV,
  ERDMA_OP_REG_MR,
  ERDMA_OP_RSP_SEND_IMM,
  ERDMA_OP_SEND,
  ERDMA_OP_SEND_WITH_IMM,
  ERDMA_OP_SEND_WITH_INV,
  ERDMA_OP_WRITE,
  ERDMA_OP_WRITE_WITH_IMM,
  ERDMA_WC_RECV_ADDR_VIOLATION_ERR,
  ERDMA_WC_SEND_STAG_INVALID_ERR,
  ERDMA_WC_SEND_WQE_FORMAT_ERR,
  erdma_cmdq_reg_mr_req,
  erdma_reg_mr_sqe,
  erdma_send_sqe_rc,
} from './headers/erdma-hw.ts';
import { AH, ALL, DATA, GID, Pair, TARGET } from './test-pair.ts';

t.test('a message is gathered and arrives where it was asked for', async (t) => {
  const pair = new Pair();
  const { memory } = pair.machine;
  memory.write(DATA + 0xffe, Buffer.from('across'));
  memory.write(DATA + 0x20, Buffer.from(' pages'));
  pair.receive(pair.to, TARGET + 0x1ffc, 100);
  const buffers = [
    [pair.source, DATA + 0xffe, 6],
    [pair.source, DATA + 0x20, 6],
  ] as const;
  pair.send(ERDMA_OP_SEND_WITH_IMM, buffers, { word: 0x1234_5678 });
  t.equal(memory.read(TARGET + 0x1ffc, 12)?.toString(), 'across pages');
  const [received, sent] = pair.poll();
  const opcode = ERDMA_OP_RSP_SEND_IMM;
  t.match(received, { status: 0, queue: 1, opcode, index: 0, qpn: 2, size: 12, word: 0x1234_5678 });
  t.match(sent, { status: 0, queue: 0, opcode: ERDMA_OP_SEND_WITH_IMM, index: 0, qpn: 1 });
});

t.test('data in the request needs no key', async (t) => {
  const pair = new Pair();
  pair.receive(pair.to, TARGET, 32);
  const text = Buffer.from('this is inline data');
  const head = erdma_send_sqe_rc.make({ length: text.length });
  const entry = Buffer.concat([head, text, Buffer.alloc(29)]);
  pair.post(pair.from, ERDMA_OP_SEND, entry, { isInline: true, count: text.length });
  t.same(pair.statuses(), [0, 0]);
  t.equal(pair.machine.memory.read(TARGET, text.length)?.toString(), text.toString());
});

t.test('rings and completion queues are gone around', async (t) => {
  const pair = new Pair();
  for (let i = 0; i < 40; i++) {
    pair.receive(pair.to, TARGET, 4);
    pair.send(ERDMA_OP_SEND, [
      [pair.source, DATA, 2],
      [pair.source, DATA, 2],
    ]);
    const [received, sent] = pair.poll();
    t.match([received?.status, received?.index], [0, i]);
    t.match([sent?.status, sent?.index], [0, i * 2]);
  }
});

t.test('who wants no completion gets none', async (t) => {
  const pair = new Pair();
  pair.write(ERDMA_OP_WRITE, [[pair.source, DATA, 4]], [pair.target, TARGET], { isSilent: true });
  t.same(pair.statuses(), []);
  pair.write(ERDMA_OP_WRITE, [[1, DATA, 4]], [pair.target, TARGET], { isSilent: true });
  t.same(pair.statuses(), [ERDMA_WC_SEND_STAG_INVALID_ERR], 'but of an error');
});

t.test('remote memory is written and read', async (t) => {
  const pair = new Pair();
  const { memory } = pair.machine;
  memory.write(DATA, Buffer.from('written'));
  pair.write(ERDMA_OP_WRITE, [[pair.source, DATA, 7]], [pair.target, TARGET + 0x100]);
  t.same(pair.statuses(), [0]);
  t.equal(memory.read(TARGET + 0x100, 8)?.toString(), 'written\0');
  memory.write(TARGET + 0x100, Buffer.from('to be read'));
  pair.read(ERDMA_OP_READ, [pair.source, DATA], [[pair.target, TARGET + 0x100, 10]]);
  t.match(pair.poll(), [{ status: 0, opcode: ERDMA_OP_READ, size: 10 }]);
  t.equal(memory.read(DATA, 10)?.toString(), 'to be read');
  pair.receive(pair.to, 0, 0, 0);
  const flags = { word: 5 };
  pair.write(ERDMA_OP_WRITE_WITH_IMM, [[pair.source, DATA, 3]], [pair.target, TARGET], flags);
  const [received, sent] = pair.poll();
  t.match(received, { status: 0, opcode: ERDMA_OP_RECV_IMM, word: 5, size: 3 });
  t.match(sent, { status: 0, opcode: ERDMA_OP_WRITE_WITH_IMM });
});

t.test('atomics change memory and give what was there', async (t) => {
  const pair = new Pair();
  const { memory } = pair.machine;
  const number = (at: number) => memory.read(at, 8)?.readBigUInt64LE(0);
  const set = Buffer.alloc(8, 0xff);
  memory.write(TARGET, set);
  pair.atomic(ERDMA_OP_ATOMIC_FAA, 3n, 0n);
  t.same([number(TARGET), number(DATA)], [2n, 2n ** 64n - 1n], 'sums wrap');
  pair.atomic(ERDMA_OP_ATOMIC_CAS, 9n, 1n);
  t.same([number(TARGET), number(DATA)], [2n, 2n], 'not what was compared with');
  pair.atomic(ERDMA_OP_ATOMIC_CAS, 9n, 2n);
  t.same([number(TARGET), number(DATA)], [9n, 2n]);
  t.match(pair.poll(), [{ status: 0 }, { status: 0 }, { status: 0, size: 8 }]);
  pair.atomic(ERDMA_OP_ATOMIC_FAA, 1n, 0n, TARGET + 4);
  t.same(pair.statuses(), [ERDMA_WC_RECV_ADDR_VIOLATION_ERR], 'an address that is not aligned');
});

t.test('datagrams arrive behind a header, or not at all', async (t) => {
  const pair = new Pair({ isDatagram: true });
  const { memory } = pair.machine;
  const say = (init: object = {}, length = 4) =>
    pair.datagram(ERDMA_OP_SEND, [[pair.source, DATA, length]], init);
  memory.write(DATA, Buffer.from('data'));
  pair.receive(pair.to, TARGET, 44);
  say();
  const [received, sent] = pair.poll();
  t.match(received, { status: 0, opcode: ERDMA_OP_RECEIVE, size: 44, info: 1 });
  t.match(sent, { status: 0 });
  t.same(
    memory
      .read(TARGET + 36, 8)
      ?.toString('latin1')
      .slice(4),
    'data',
  );
  t.same(memory.read(TARGET + 36, 4), GID.subarray(12), 'the address in an IPv4 header');
  say({ dst_qpn: 9 });
  say({ qkey: 1 });
  say();
  t.same(pair.statuses(), [0, 0, 0], 'nobody takes them');
  say({}, 1500);
  t.same(pair.statuses(), [ERDMA_WC_SEND_WQE_FORMAT_ERR], 'more than a packet carries');
  pair.modify(pair.from, 3);
  say({ ahn: AH + 1 });
  t.same(pair.statuses(), [ERDMA_WC_SEND_WQE_FORMAT_ERR], 'and the send queue goes on if asked to');
});

t.test('a region made for it is registered and invalidated by requests', async (t) => {
  const pair = new Pair();
  const { machine } = pair;
  const entry = erdma_cmdq_reg_mr_req.make({
    cfg0: 9,
    cfg1: (3 << 12) | (1 << 6) | (ALL << 1),
    cfg2: (12 << 27) | (1 << 20) | 8,
    phy_addr: [BigInt(TARGET)],
  });
  entry.writeUInt32LE(((12 << 27) | (1 << 20) | 8) >>> 0, 28);
  t.equal(machine.command(CMDQ_OPCODE_REG_MR, entry).ok, true);
  const key = (9 << 8) | 0x21;
  const register = () => {
    const request = erdma_reg_mr_sqe.make({
      addr: 0x7000n,
      length: 0x1000,
      stag: key,
      attrs: (1 << 12) | (ALL << 1),
    });
    const list = Buffer.alloc(32);
    list.writeBigUInt64LE(BigInt(TARGET), 0);
    pair.post(pair.from, ERDMA_OP_REG_MR, Buffer.concat([request, list]));
  };
  register();
  machine.memory.write(DATA, Buffer.from('fast'));
  pair.write(ERDMA_OP_WRITE, [[pair.source, DATA, 4]], [key, 0x7010]);
  t.same(pair.statuses(), [0, 0]);
  t.equal(machine.memory.read(TARGET + 0x10, 4)?.toString(), 'fast');
  pair.receive(pair.to, TARGET, 4);
  const swapped = Buffer.alloc(4);
  swapped.writeUInt32LE(key);
  pair.send(ERDMA_OP_SEND_WITH_INV, [[pair.source, DATA, 4]], { word: swapped.readUInt32BE(0) });
  t.match(pair.poll()[0], { status: 0, opcode: ERDMA_OP_RECV_INV, word: swapped.readUInt32BE(0) });
  register();
  const invalidate = () =>
    pair.post(pair.from, ERDMA_OP_LOCAL_INV, erdma_reg_mr_sqe.make({ stag: key }));
  invalidate();
  t.same(pair.statuses(), [0, 0]);
  invalidate();
  t.same(pair.statuses(), [ERDMA_WC_SEND_STAG_INVALID_ERR]);
});
