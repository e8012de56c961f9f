import t from 'tap';
import {
  CMDQ_OPCODE_REFLUSH,
  ERDMA_OP_RECEIVE,
  ERDMA_OP_SEND,
  ERDMA_OP_WRITE,
  ERDMA_WC_FLUSH_ERR,
  ERDMA_WC_RECV_STAG_INVALID_ERR,
  ERDMA_WC_RETRY_EXC_ERR,
  erdma_cmdq_reflush_req,
} from './headers/erdma-hw.ts';
import { ASYNC_EVENTS, EVENTS } from './test-machine.ts';
import { DATA, GID, Pair, TARGET } from './test-pair.ts';

const FLUSHED = ERDMA_WC_FLUSH_ERR;

const send = (pair: Pair, key = pair.source, address = DATA, length = 4) =>
  pair.send(ERDMA_OP_SEND, [[key, address, length]]);
const write = (pair: Pair, key = pair.target, address = TARGET, length = 4) =>
  pair.write(ERDMA_OP_WRITE, [[pair.source, DATA, length]], [key, address]);

t.test('a receiver that is not ready is waited for, in order', async (t) => {
  const pair = new Pair();
  send(pair);
  write(pair);
  t.same(pair.statuses(), []);
  t.ok((pair.machine.device.wakeAtMs ?? 0) > performance.now());
  pair.receive(pair.to, TARGET, 4);
  t.same(
    pair.poll().map(({ opcode, status }) => [opcode, status]),
    [
      [ERDMA_OP_RECEIVE, 0],
      [ERDMA_OP_SEND, 0],
      [ERDMA_OP_WRITE, 0],
    ],
  );
  t.equal(pair.machine.device.wakeAtMs, undefined);
  send(pair);
  write(pair);
  const now = performance.now();
  t.intercept(performance, 'now', { value: () => now + 100_000, writable: true });
  pair.machine.device.wake();
  t.same(pair.statuses(), [ERDMA_WC_RETRY_EXC_ERR, FLUSHED], 'but not for ever');
});

t.test('what waits in a broken queue pair is flushed', async (t) => {
  const pair = new Pair();
  pair.receive(pair.from, TARGET, 4);
  pair.receive(pair.from, TARGET, 4);
  send(pair);
  pair.modify(pair.from, 6);
  t.same(
    pair.poll().map(({ queue, status, index }) => [queue, status, index]),
    [
      [0, FLUSHED, 0],
      [1, FLUSHED, 0],
      [1, FLUSHED, 1],
    ],
  );
  pair.receive(pair.from, TARGET, 4);
  t.same(pair.statuses(), [FLUSHED], 'and what comes after');
  const fields = { qpn: 1, sq_pi: pair.from.sent, rq_pi: pair.from.posted + 1 };
  pair.machine.command(CMDQ_OPCODE_REFLUSH, erdma_cmdq_reflush_req.make(fields));
  t.same(pair.statuses(), [FLUSHED], 'and what the driver says there is');
  pair.modify(pair.from, 0);
  pair.bringUp(pair.from, 2);
  pair.receive(pair.to, TARGET, 4);
  send(pair);
  t.same(pair.statuses(), [0, 0], 'it can begin anew');
  pair.modify(pair.from, 0);
  Object.assign(pair.from, { sent: 0, posted: 0 });
  pair.modify(pair.to, 3, 1 | 16, { rq_psn: 7 });
  pair.receive(pair.to, TARGET, 4);
  send(pair);
  t.same(pair.statuses(), [], 'what comes too early waits');
  pair.modify(pair.from, 1);
  pair.modify(pair.from, 2, 1 | 4 | 32, { cfg1: 2, av_cfg: { dgid: [...GID] } });
  pair.modify(pair.from, 3, 1 | 8, { sq_psn: 7 });
  t.same(pair.statuses(), [0, 0]);
});

t.test('access that is refused is an event for the owner', async (t) => {
  const pair = new Pair();
  pair.receive(pair.to, TARGET, 4);
  write(pair, 1);
  t.same(pair.statuses(), [FLUSHED, ERDMA_WC_RECV_STAG_INVALID_ERR]);
  const event = pair.machine.memory.read(ASYNC_EVENTS, 8);
  t.same([event?.readUInt32LE(0), event?.readUInt32LE(4)], [0x8002_0000, pair.to.number]);
  t.same(pair.machine.interrupts.slice(-1), [0]);
});

t.test('a completion queue that is armed gives one event', async (t) => {
  const pair = new Pair();
  const { interrupts, memory } = pair.machine;
  const transfer = (isSolicited: boolean) => {
    pair.receive(pair.to, TARGET, 4);
    pair.send(ERDMA_OP_SEND, [[pair.source, DATA, 4]], { isSilent: true, isSolicited });
  };
  transfer(false);
  t.same(interrupts, []);
  pair.armCq(1);
  t.same(interrupts, []);
  transfer(false);
  transfer(false);
  t.same(interrupts, [1], 'one event');
  t.equal(memory.read(EVENTS, 4)?.readUInt32LE(0), 0x8000_0001, 'of CQ 1');
  pair.machine.ring(0x108, 0x8000_0001n);
  pair.armCq(3, true);
  transfer(false);
  t.same(interrupts, [1], 'not a solicited one');
  transfer(true);
  t.same(interrupts, [1, 1]);
  pair.machine.ring(0x108, 0x8000_0002n);
  pair.armCq(4, true);
  t.same(interrupts, [1, 1, 1], 'one that was not seen yet');
});
