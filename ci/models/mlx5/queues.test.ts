import t from 'tap';
import * as h from './headers/ifc.ts';
import { PAGES } from './test-machine.ts';
import { Pair } from './test-pair.ts';
import { ASYNC_EVENTS, COMPLETION_EVENTS, CQ_DEPTH, DATA, TARGET, XRCD } from './test-setup.ts';

const send = (pair: Pair, flags: object = {}) => pair.send([[pair.source, DATA, 4]], flags);
const nothing = (pair: Pair) => pair.post(pair.from, h.MLX5_OPCODE_NOP, Buffer.alloc(0));
const told = (pair: Pair) =>
  pair.machine.events(ASYNC_EVENTS).filter(({ type }) => type !== h.MLX5_EVENT_TYPE_CMD);

for (const type of [h.MLX5_QPC_ST_RC, h.MLX5_QPC_ST_XRC]) {
  const name = type === h.MLX5_QPC_ST_XRC ? 'of XRC' : 'of QPs';

  t.test(`shared receives ${name} are a list, and tell when there are few`, async (t) => {
    const pair = new Pair({ type, isShared: true });
    const { memory } = pair.machine;
    memory.write(DATA, Buffer.from('data'));
    for (const at of [0, 16, 32]) pair.receiveShared([pair.target, TARGET + at, 16]);
    t.equal(pair.limit(2), true);
    send(pair);
    t.same(told(pair), [], 'as many as that are left');
    send(pair);
    t.match(told(pair), [{ type: h.MLX5_EVENT_TYPE_SRQ_RQ_LIMIT, number: pair.srqn }]);
    send(pair);
    t.same(told(pair), [], 'once');
    const received = pair.poll().filter(({ kind }) => kind === h.MLX5_CQE_RESP_SEND);
    t.same(
      received.map(({ index }) => index),
      [0, 1, 2],
    );
    t.equal(received[0]?.name, pair.isXrc ? 0x777 : 0x101, 'by the index of its owner');
    t.equal(memory.read(TARGET + 32, 4)?.toString(), 'data');
    t.equal(pair.limit(1), true);
    t.same(told(pair), [], 'not before one is taken');
    pair.receiveShared([pair.target, TARGET, 16]);
    send(pair);
    t.match(told(pair), [{ type: h.MLX5_EVENT_TYPE_SRQ_RQ_LIMIT }]);
  });
}

t.test('a QP that shares receives tells when it takes no more', async (t) => {
  const pair = new Pair({ isShared: true });
  pair.receiveShared([pair.target, TARGET, 16]);
  pair.modify(pair.to, h.MLX5_CMD_OP_2ERR_QP);
  t.match(told(pair), [{ type: h.MLX5_EVENT_TYPE_SRQ_LAST_WQE, number: pair.to.number }]);
  t.same(pair.outcomes(), [], 'they are not its own to flush');
});

t.test('a message of another domain of XRC is refused', async (t) => {
  const pair = new Pair({ type: h.MLX5_QPC_ST_XRC, isShared: true, context: { xrcd: XRCD } });
  pair.receiveShared([pair.target, TARGET, 16]);
  send(pair);
  t.same(pair.outcomes(), ['received 2', 'sent 10']);
});

t.test('what waits in a QP in error is flushed, and what comes later', async (t) => {
  const pair = new Pair();
  pair.receive(pair.to, [pair.target, TARGET, 4]);
  pair.receive(pair.to, [pair.target, TARGET, 4]);
  pair.modify(pair.to, h.MLX5_CMD_OP_2ERR_QP);
  const flushed = `receive ${h.MLX5_CQE_SYNDROME_WR_FLUSH_ERR}`;
  t.same(pair.outcomes(), [flushed, flushed]);
  pair.receive(pair.to, [pair.target, TARGET, 4]);
  await pair.wait(20);
  t.same(pair.outcomes(), [flushed]);
  pair.modify(pair.to, h.MLX5_CMD_OP_2RST_QP);
  pair.modify(pair.from, h.MLX5_CMD_OP_2RST_QP);
  pair.bringUp(pair.to, pair.from.number);
  pair.bringUp(pair.from, pair.to.number);
  pair.receive(pair.to, [pair.target, TARGET, 4]);
  send(pair);
  t.same(pair.outcomes(), ['received 2', 'sent 10'], 'and it begins anew');
  t.equal(pair.machine.device.wakeAtMs, undefined);
});

t.test('requests wait for their state', async (t) => {
  const pair = new Pair();
  pair.modify(pair.from, h.MLX5_CMD_OP_2RST_QP);
  Object.assign(pair.from, { sent: 0 });
  pair.machine.memory.write(pair.from.record, Buffer.alloc(8));
  nothing(pair);
  t.same(pair.outcomes(), []);
});

t.test('a CQ that is armed gives one event', async (t) => {
  const pair = new Pair();
  const events = () => pair.machine.events(COMPLETION_EVENTS);
  nothing(pair);
  t.same(events(), [], 'not armed');
  pair.poll();
  pair.armCq(1);
  nothing(pair);
  nothing(pair);
  t.match(events(), [{ type: h.MLX5_EVENT_TYPE_COMP, number: pair.cqn }]);
  pair.armCq(1);
  t.equal(events().length, 1, 'for what is there already');
  pair.poll();
  pair.armCq(3, true);
  pair.receive(pair.to, [pair.target, TARGET, 4]);
  pair.receive(pair.to, [pair.target, TARGET, 4]);
  send(pair);
  t.equal(events().length, 0, 'not solicited');
  send(pair, { isSolicited: true });
  t.equal(events().length, 1);
});

t.test('a CQ that is full tells, and takes no more', async (t) => {
  const pair = new Pair();
  for (let i = 0; i < CQ_DEPTH; i++) nothing(pair);
  t.same(told(pair), []);
  nothing(pair);
  nothing(pair);
  t.match(told(pair), [{ type: h.MLX5_EVENT_TYPE_CQ_ERROR, first: pair.cqn, syndrome: 1 }]);
  t.equal(pair.poll().length, CQ_DEPTH);
});

t.test('a CQ goes on in another ring', async (t) => {
  const pair = new Pair();
  const ring = 0x18000;
  nothing(pair);
  const input = Buffer.alloc(PAGES + 8);
  input.writeUInt32BE(pair.cqn, 8);
  const context = h.modify_cq_in.bytes(input, 'cq_context');
  h.cqc.set(context, 'log_cq_size', 5);
  input.writeBigUInt64BE(BigInt(ring), PAGES);
  for (let i = 0; i < 32; i++)
    pair.machine.memory.write(ring + i * 64 + 63, Buffer.from([h.MLX5_CQE_INVALID << 4]));
  const { ok } = pair.machine.command(h.MLX5_CMD_OP_MODIFY_CQ, input, h.MLX5_CQ_OPMOD_RESIZE);
  t.equal(ok, true);
  nothing(pair);
  t.same(
    pair.poll().map(({ kind }) => kind),
    [h.MLX5_CQE_REQ, h.MLX5_CQE_RESIZE_CQ],
  );
  t.match(pair.poll(ring, 32), [{ kind: h.MLX5_CQE_REQ, index: 1 }]);
});
