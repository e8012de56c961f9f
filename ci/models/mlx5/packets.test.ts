import t from 'tap';
import * as h from './headers/ifc.ts';
import { FIRST_RQN, FIRST_SQN, MAX_FRAME_BYTES, OWN_MAC } from './limits.ts';
import { frameTo, GROUP_ADDRESS, Packets } from './test-packets.ts';
import { ASYNC_EVENTS, DATA, TARGET } from './test-setup.ts';

const { MLX5_SQC_STATE_RST: RST, MLX5_SQC_STATE_RDY: RDY, MLX5_SQC_STATE_ERR: ERR } = h;
const FLUSHED = h.MLX5_CQE_SYNDROME_WR_FLUSH_ERR;

/** One whose own frames come back to its RQ. */
function brought(): Packets {
  const packets = new Packets();
  packets.bring(OWN_MAC);
  return packets;
}

function say(packets: Packets, frame: Buffer, flags: object = {}): void {
  packets.machine.memory.write(DATA, frame);
  packets.sendFrame([[packets.source, DATA, frame.length]], Buffer.alloc(0), flags);
}

t.test('a frame arrives byte for byte, over the pieces of the oldest receive', async (t) => {
  const packets = brought();
  const { memory } = packets.machine;
  const frame = frameTo(OWN_MAC, Buffer.from('hello world'.repeat(9)));
  packets.receive(packets.rq, [packets.target, TARGET, 20], [packets.target, TARGET + 0x800, 200]);
  packets.receive(packets.rq, [packets.target, TARGET + 0x1000, 200]);
  say(packets, frame);
  const [received, sent] = packets.poll();
  t.match(received, { kind: h.MLX5_CQE_RESP_SEND, index: 0, length: frame.length, name: 0x201 });
  t.equal(received?.qpn, 0, 'the tag of the rule, which has none');
  t.match(sent, { kind: h.MLX5_CQE_REQ, opcode: h.MLX5_OPCODE_SEND, index: 0, name: 0x200 });
  t.equal(sent?.qpn, packets.sq.number);
  const pieces = [memory.read(TARGET, 20), memory.read(TARGET + 0x800, frame.length - 20)];
  t.same(Buffer.concat(pieces.map((one) => one ?? Buffer.alloc(0))), frame);
  say(packets, frame);
  t.match(packets.poll(), [
    { index: 1, name: 0x201 },
    { index: 1, name: 0x200 },
  ]);
});

t.test('numbers of queues are of one space', async (t) => {
  const packets = brought();
  t.equal(packets.sq.number, FIRST_SQN);
  t.equal(packets.rq.number, FIRST_RQN);
  t.ok(packets.from.number < FIRST_SQN);
});

t.test('the first bytes of a frame may be in the request, any number of them', async (t) => {
  const packets = brought();
  const { memory } = packets.machine;
  const frame = frameTo(OWN_MAC, Buffer.from('some payload that is long enough to be cut'));
  for (const size of [0, 1, 2, 3, 14, 18, 40, frame.length]) {
    memory.write(DATA, frame.subarray(size));
    packets.receive(packets.rq, [packets.target, TARGET, 200]);
    const left = frame.length - size;
    const pieces = left === 0 ? [] : [[packets.source, DATA, left] as const];
    packets.sendFrame(pieces, frame.subarray(0, size));
    t.match(packets.poll(), [{ length: frame.length }, { syndrome: 0 }], `${size} bytes`);
    t.same(memory.read(TARGET, frame.length), frame);
  }
});

t.test('only what is asked for completes, and what does nothing is a request', async (t) => {
  const packets = brought();
  say(packets, frameTo(), { isSilent: true });
  packets.post(packets.sq, h.MLX5_OPCODE_NOP, Buffer.alloc(0));
  t.match(packets.poll(), [{ kind: h.MLX5_CQE_REQ, opcode: h.MLX5_OPCODE_NOP, index: 1 }]);
});

t.test('a frame without a receive, or for somebody else, is gone', async (t) => {
  const packets = brought();
  packets.bring(Buffer.from('020000000077', 'hex'), [packets.tir], 1);
  say(packets, frameTo());
  t.same(packets.outcomes(), ['sent 10']);
  packets.receive(packets.rq, [packets.target, TARGET, 200]);
  say(packets, frameTo(Buffer.from('020000000077', 'hex')));
  t.same(packets.outcomes(), ['sent 10'], 'nobody is at the other end of the wire');
  say(packets, frameTo());
  t.same(packets.outcomes(), ['received 2', 'sent 10']);
});

t.test('what is not a frame breaks the SQ, and what waits behind it', async (t) => {
  const long = MAX_FRAME_BYTES + 1;
  const faults: readonly (readonly [number, (packets: Packets) => void])[] = [
    [h.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR, (packets) => say(packets, Buffer.alloc(13))],
    [
      h.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR,
      (packets) => packets.sendFrame([[packets.source, DATA, long]]),
    ],
    [
      h.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR,
      (packets) => packets.sendFrame([[packets.source + 1, DATA, 60]]),
    ],
    [
      h.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR,
      (packets) => packets.post(packets.sq, h.MLX5_OPCODE_SEND_IMM, Buffer.alloc(16)),
    ],
    [
      h.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR,
      (packets) => packets.post(packets.sq, h.MLX5_OPCODE_SEND, Buffer.alloc(16, 0xff)),
    ],
  ];
  for (const [syndrome, post] of faults) {
    const packets = brought();
    post(packets);
    say(packets, frameTo());
    t.same(packets.outcomes(), [`send ${syndrome}`, `send ${FLUSHED}`]);
    t.equal(packets.queueState(packets.sq), ERR);
    t.equal(packets.queueState(packets.rq), RDY);
    t.equal(packets.setState(packets.sq, RDY, RDY), false);
    t.equal(packets.setState(packets.sq, RST, RDY), true, 'the driver need not know');
  }
});

t.test('what does not fit its receive breaks the RQ', async (t) => {
  const packets = brought();
  packets.receive(packets.rq, [packets.target, TARGET, 59]);
  packets.receive(packets.rq, [packets.target, TARGET, 200]);
  say(packets, frameTo());
  const [failed, flushed, sent] = packets.poll();
  t.match(failed, { kind: h.MLX5_CQE_RESP_ERR, syndrome: h.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR });
  t.match(failed, { qpn: packets.rq.number, name: 0x201, index: 0 });
  t.match(flushed, { kind: h.MLX5_CQE_RESP_ERR, syndrome: FLUSHED, index: 1 });
  t.match(sent, { kind: h.MLX5_CQE_REQ });
  t.equal(packets.queueState(packets.rq), ERR);
  const other = brought();
  other.receive(other.rq, [other.target + 1, TARGET, 200]);
  say(other, frameTo());
  t.same(other.outcomes(), [`receive ${h.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR}`, 'sent 10']);
});

t.test('queues in error are flushed, then and later, and begin anew in reset', async (t) => {
  const packets = brought();
  packets.receive(packets.rq, [packets.target, TARGET, 200]);
  t.equal(packets.setState(packets.rq, ERR, RDY), true);
  t.equal(packets.setState(packets.sq, ERR, RDY), true);
  t.same(packets.outcomes(), [`receive ${FLUSHED}`]);
  say(packets, frameTo());
  packets.receive(packets.rq, [packets.target, TARGET, 200]);
  await packets.wait(20);
  t.same(packets.outcomes(), [`send ${FLUSHED}`, `receive ${FLUSHED}`]);
  for (const side of [packets.rq, packets.sq]) {
    t.equal(packets.setState(side, RDY, ERR), false, 'not at once');
    t.equal(packets.setState(side, RST, ERR), true);
    Object.assign(side, { sent: 0, posted: 0 });
    packets.machine.memory.write(side.record, Buffer.alloc(8));
    t.equal(packets.setState(side, RDY, RST), true);
    t.equal(packets.setState(side, RDY, RDY), true, 'a limit of its rate may change');
  }
  packets.receive(packets.rq, [packets.target, TARGET, 200]);
  say(packets, frameTo());
  t.same(packets.outcomes(), ['received 2', 'sent 10']);
  t.equal(packets.machine.device.wakeAtMs, undefined);
});

t.test('only queues that are ready send and receive', async (t) => {
  const packets = brought();
  const quiet = packets.makeRq(2, RST);
  packets.bring(GROUP_ADDRESS, [packets.makeTir(quiet)], 1);
  packets.receive(quiet, [packets.target, TARGET, 200]);
  say(packets, frameTo(GROUP_ADDRESS));
  t.same(packets.outcomes(), ['sent 10']);
  const sq = packets.makeSq(3, 1, RST);
  packets.sendFrame([[packets.source, DATA, 60]], Buffer.alloc(0), {}, sq);
  t.same(packets.outcomes(), []);
  packets.setState(sq, RDY, RST);
  t.same(packets.outcomes(), ['sent 10'], 'what was rung for waits');
});

t.test('a doorbell in a page of somebody else is not heard', async (t) => {
  const packets = brought();
  const control = Buffer.alloc(16);
  control.writeUInt32BE(((packets.sq.number << 8) | 1) >>> 0, 4);
  control.writeUInt8(h.MLX5_WQE_CTRL_CQ_UPDATE, 11);
  packets.machine.memory.write(packets.sq.at, control);
  packets.machine.setWord(packets.sq.record + 4, 1);
  packets.ring(control, 20);
  t.same(packets.outcomes(), []);
  packets.ring(control);
  t.same(packets.outcomes(), ['sent 0']);
});

t.test('a ring that cannot be so full is told by an event', async (t) => {
  const packets = brought();
  packets.machine.setWord(packets.sq.record + 4, 100);
  const control = Buffer.alloc(16);
  control.writeUInt32BE(((packets.sq.number << 8) | 1) >>> 0, 4);
  packets.ring(control);
  const told = packets.machine.events(ASYNC_EVENTS);
  const event = told.find(({ type }) => type === h.MLX5_EVENT_TYPE_WQ_CATAS_ERROR);
  t.equal(event?.number, packets.sq.number);
  t.equal(packets.queueState(packets.sq), ERR);
});

t.test('what leads to queues names those that are there', async (t) => {
  const packets = brought();
  t.equal(packets.makeTir({ number: packets.sq.number }), 0, 'an SQ is no RQ');
  t.equal(packets.makeRqt([]), 0);
  t.equal(packets.makeRqt([packets.sq]), 0);
  t.equal(packets.bring(GROUP_ADDRESS, [77], 1).ok, false);
});
