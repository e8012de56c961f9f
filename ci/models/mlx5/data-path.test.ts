import t from 'tap';
import * as h from './headers/ifc.ts';
import { OWN_GID } from './routes.ts';
import { Pair } from './test-pair.ts';
import { DATA, QKEY, TARGET } from './test-setup.ts';

t.test('a send fills the oldest receive, in its order of pieces', async (t) => {
  const pair = new Pair();
  const { memory } = pair.machine;
  memory.write(DATA, Buffer.from('hello world'));
  pair.receive(pair.to, [pair.target, TARGET, 4], [pair.target, TARGET + 0x1ffc, 4]);
  pair.receive(pair.to, [pair.target, TARGET + 0x100, 8]);
  pair.send([
    [pair.source, DATA, 5],
    [pair.source, DATA + 6, 3],
  ]);
  const [received, sent] = pair.poll();
  t.match(received, { kind: h.MLX5_CQE_RESP_SEND, index: 0, length: 8, name: 0x101 });
  t.match(sent, { kind: h.MLX5_CQE_REQ, opcode: h.MLX5_OPCODE_SEND, index: 0, name: 0x100 });
  t.same([received?.qpn, sent?.qpn], [pair.to.number, pair.from.number]);
  t.equal(memory.read(TARGET, 4)?.toString(), 'hell');
  t.equal(memory.read(TARGET + 0x1ffc, 4)?.toString(), 'owor');
  pair.send([[pair.source, DATA, 1]], { opcode: h.MLX5_OPCODE_SEND_IMM, extra: 0xf0000001 });
  const [next] = pair.poll();
  t.match(next, { kind: h.MLX5_CQE_RESP_SEND_IMM, index: 1, extra: 0xf0000001, length: 1 });
});

t.test('data may be in the request, and requests go around the ring', async (t) => {
  const pair = new Pair();
  const { memory } = pair.machine;
  for (let round = 0; round < 20; round++) {
    const text = `round ${round} `.repeat(12);
    pair.receive(pair.to, [pair.target, TARGET, 0x200]);
    pair.sendInline(Buffer.from(text));
    t.match(pair.poll(), [{ length: text.length, index: round }, { syndrome: 0 }]);
    t.equal(memory.read(TARGET, text.length)?.toString(), text);
  }
});

t.test('only what is asked for completes', async (t) => {
  const pair = new Pair();
  pair.post(pair.from, h.MLX5_OPCODE_NOP, Buffer.alloc(0), { isSilent: true });
  pair.post(pair.from, h.MLX5_OPCODE_NOP, Buffer.alloc(0));
  t.match(pair.poll(), [{ kind: h.MLX5_CQE_REQ, opcode: h.MLX5_OPCODE_NOP, index: 1 }]);
});

t.test('writes and reads move bytes, with immediate data on request', async (t) => {
  const pair = new Pair();
  const { memory } = pair.machine;
  memory.write(DATA, Buffer.from('to be written'));
  pair.remote(h.MLX5_OPCODE_RDMA_WRITE, [pair.target, TARGET], [[pair.source, DATA, 13]]);
  t.match(pair.poll(), [{ kind: h.MLX5_CQE_REQ, opcode: h.MLX5_OPCODE_RDMA_WRITE }]);
  t.equal(memory.read(TARGET, 13)?.toString(), 'to be written');
  memory.write(TARGET + 0x1000, Buffer.from('to be read'));
  pair.remote(
    h.MLX5_OPCODE_RDMA_READ,
    [pair.target, TARGET + 0x1000],
    [
      [pair.source, DATA + 0x100, 6],
      [pair.source, DATA, 4],
    ],
  );
  t.match(pair.poll(), [{ opcode: h.MLX5_OPCODE_RDMA_READ, length: 10 }]);
  t.equal(memory.read(DATA + 0x100, 6)?.toString(), 'to be ');
  t.equal(memory.read(DATA, 4)?.toString(), 'read');
  pair.receive(pair.to);
  const flags = { extra: 5 };
  const place = [pair.target, TARGET] as const;
  pair.remote(h.MLX5_OPCODE_RDMA_WRITE_IMM, place, [[pair.source, DATA, 3]], [], flags);
  t.match(pair.poll()[0], { kind: h.MLX5_CQE_RESP_WR_IMM, extra: 5, length: 3 });
});

t.test('atomics change memory and give what was there', async (t) => {
  const pair = new Pair();
  const { memory } = pair.machine;
  const number = (at: number) => memory.read(at, 8)?.readBigUInt64LE(0);
  memory.write(TARGET, Buffer.alloc(8, 0xff));
  const local = [[pair.source, DATA, 8]] as const;
  const at = [pair.target, TARGET] as const;
  pair.remote(h.MLX5_OPCODE_ATOMIC_FA, at, local, [3n, 0n]);
  t.same([number(TARGET), number(DATA)], [2n, 2n ** 64n - 1n], 'sums wrap');
  pair.remote(h.MLX5_OPCODE_ATOMIC_CS, at, local, [9n, 1n]);
  t.same([number(TARGET), number(DATA)], [2n, 2n], 'not what was compared with');
  pair.remote(h.MLX5_OPCODE_ATOMIC_CS, at, local, [9n, 2n]);
  t.same([number(TARGET), number(DATA)], [9n, 2n]);
  t.match(pair.poll(), [{ length: 8 }, { length: 8 }, { length: 8, syndrome: 0 }]);
});

t.test('datagrams arrive behind a header, or not at all', async (t) => {
  const pair = new Pair({ type: h.MLX5_QPC_ST_UD });
  const { memory } = pair.machine;
  const say = (more: object = {}) => pair.datagram([[pair.source, DATA, 4]], more);
  memory.write(DATA, Buffer.from('data'));
  pair.receive(pair.to, [pair.target, TARGET, 44]);
  say({ gid: OWN_GID });
  const [received, sent] = pair.poll();
  t.match(received, { kind: h.MLX5_CQE_RESP_SEND, length: 44 });
  t.equal(received?.remote, (pair.from.number | (1 << 28)) >>> 0);
  t.match(sent, { kind: h.MLX5_CQE_REQ });
  t.equal(memory.read(TARGET + 40, 4)?.toString(), 'data');
  t.equal(memory.read(TARGET, 1)?.readUInt8(0), 0x60, 'a global header');
  pair.receive(pair.to, [pair.target, TARGET, 44]);
  for (const more of [{ qpn: 9 }, { qkey: QKEY + 1 }, { lid: 2 }]) say(more);
  t.same(pair.outcomes(), ['sent 10', 'sent 10', 'sent 10'], 'nobody takes them');
  say({ opcode: h.MLX5_OPCODE_SEND_IMM, extra: 77, qkey: 0x8000_0000 });
  t.match(pair.poll()[0], { kind: h.MLX5_CQE_RESP_SEND_IMM, extra: 77 }, "the sender's own key");
  say();
  t.same(pair.outcomes(), ['sent 10'], 'no receive is left');
});

t.test('datagrams to a group arrive at all that are in it', async (t) => {
  const pair = new Pair({ type: h.MLX5_QPC_ST_UD, context: { block_lb_mc: 1 } });
  const gid = Buffer.from('ff120000000000000000000000000001', 'hex');
  const group = ({ number }: { readonly number: number }) => Buffer.concat([numbered(number), gid]);
  const say = () => pair.datagram([[pair.source, DATA, 4]], { gid, lid: 0xc001, qpn: 0xffffff });
  const leave = () => pair.machine.command(h.MLX5_CMD_OP_DETACH_FROM_MCG, group(pair.to)).ok;
  for (const side of [pair.from, pair.to]) {
    pair.receive(side, [pair.target, TARGET, 100]);
    const { ok } = pair.machine.command(h.MLX5_CMD_OP_ATTACH_TO_MCG, group(side));
    t.equal(ok, true);
  }
  say();
  t.same(
    pair.poll().map(({ kind, qpn }) => [kind, qpn]),
    [
      [h.MLX5_CQE_RESP_SEND, pair.to.number],
      [h.MLX5_CQE_REQ, pair.from.number],
    ],
  );
  t.same([leave(), leave()], [true, false]);
  say();
  t.same(pair.outcomes(), ['sent 10']);
});

t.test('the general QP is QP 1 on the wire', async (t) => {
  const key = 0x8001_0000;
  const pair = new Pair({ type: h.MLX5_QPC_ST_QP1 });
  pair.modify(pair.from, h.MLX5_CMD_OP_2RST_QP);
  t.equal(pair.machine.command(h.MLX5_CMD_OP_DESTROY_QP, numbered(pair.from.number)).ok, true);
  const sender = pair.queuePair(0, { st: h.MLX5_QPC_ST_QP1 });
  pair.bringUp(sender, 0);
  pair.receive(pair.to, [pair.target, TARGET, 100]);
  Object.assign(pair.from, sender);
  pair.datagram([[pair.source, DATA, 4]], { qpn: 1, qkey: key });
  const [received] = pair.poll();
  t.match(received, { kind: h.MLX5_CQE_RESP_SEND, length: 44, extra: 0xffff, remote: 1 });
});

function numbered(number: number): Buffer {
  const input = Buffer.alloc(16);
  input.writeUInt32BE(number, 8);
  return input;
}

t.test('a doorbell in a page of somebody else is not heard', async (t) => {
  const pair = new Pair();
  const control = Buffer.alloc(16);
  control.writeUInt32BE(((pair.from.number << 8) | 1) >>> 0, 4);
  pair.machine.memory.write(pair.from.at, control);
  control.writeUInt8(h.MLX5_WQE_CTRL_CQ_UPDATE, 11);
  pair.machine.memory.write(pair.from.at, control);
  pair.machine.setWord(pair.from.record + 4, 1);
  pair.ring(control, 20);
  t.same(pair.outcomes(), []);
  pair.ring(control);
  t.same(pair.outcomes(), ['sent 0']);
});
