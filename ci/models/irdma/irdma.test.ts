import t from 'tap';
import { widePlace } from '../bits.ts';
import {
  IRDMA_CQP_OP_ALLOC_STAG,
  IRDMA_CQP_OP_COMMIT_FPM_VAL,
  IRDMA_CQP_OP_CREATE_CQ,
  IRDMA_CQP_OP_CREATE_QP,
  IRDMA_CQP_OP_DEALLOC_STAG,
  IRDMA_CQP_OP_DESTROY_CQ,
  IRDMA_CQP_OP_DESTROY_QP,
  IRDMA_CQP_OP_MODIFY_QP,
  IRDMA_CQP_OP_NOP,
  IRDMA_CQP_OP_QUERY_FPM_VAL,
  IRDMA_CQP_OP_REG_MR,
  IRDMA_CQP_OP_SUSPEND_QP,
  IRDMA_CQP_OP_UPDATE_PE_SDS,
  IRDMA_CQPSQ_CQ_VIRTMAP,
  IRDMA_CQPSQ_QP_NEXTIWSTATE,
  IRDMA_CQPSQ_STAG_IDX,
  IRDMA_CQPSQ_STAG_LPBLSIZE,
  IRDMA_CQPSQ_STAG_MR,
  IRDMA_CQPSQ_STAG_STAGLEN,
  IRDMA_QP_STATE_SQD,
} from './headers/defs.ts';
import { LIMITS } from './limits.ts';
import { COMMAND_CONTEXT_LOW, COMMAND_STATUS, CQ_NUMBER, DOORBELL_ARM } from './registers.ts';
import { ARMING, ASYNC_EVENTS, EVENTS, RdmaMachine, SPACE } from './test-machine.ts';

const GET_VERSION = 0;
const GET_REGISTERS = 11;
const GET_CAPABILITIES = 13;
const MAP_VECTORS = 14;
const BUSY = 0x8002;

function started(): RdmaMachine {
  const machine = new RdmaMachine();
  machine.startQueues();
  return machine;
}

t.test('messages of the driver', async (t) => {
  const machine = new RdmaMachine();
  t.equal(machine.say(GET_VERSION).body.readUInt32LE(0), 2);
  t.equal(machine.say(GET_CAPABILITIES).body.readUInt8(0), 3, 'the third generation');
  t.equal(machine.say(99).status, -22, 'one that is not known');
  const { body } = machine.say(GET_REGISTERS);
  t.equal(body.readUInt16LE(12 * 8 + 6), 0xffff, 'twelve registers, and the end');
});

t.test('commands before there is a queue for completions', async (t) => {
  const machine = new RdmaMachine();
  machine.startCommands();
  t.equal(machine.command(IRDMA_CQP_OP_NOP).hasFailed, false);
  t.equal(machine.command(0x3f).hasFailed, true, 'one that is not known');
  t.equal(machine.command(IRDMA_CQP_OP_NOP).hasFailed, false);
  machine.write(COMMAND_CONTEXT_LOW, 0);
  t.equal(machine.read(COMMAND_STATUS), 0, 'the ring ends');
});

t.test('commands and completions go round', async (t) => {
  const machine = started();
  for (let i = 0; i < 40; i++) t.equal(machine.command(IRDMA_CQP_OP_NOP).hasFailed, false);
  t.equal(machine.command(IRDMA_CQP_OP_SUSPEND_QP).hasFailed, true, 'of a QP that is not there');
});

t.test('a queue that is armed tells by its vector, once', async (t) => {
  const machine = started();
  const list = Buffer.alloc(16);
  list.writeUInt32LE(1, 0);
  list.writeUInt32LE(5, 4);
  list.writeUInt16LE(0, 8);
  list.writeUInt16LE(0xffff, 10);
  t.equal(machine.say(MAP_VECTORS, list).status, 0);
  machine.enableVector(5);
  arm(machine);
  t.same(machine.interrupts, [5], 'completions are unread');
  t.equal(machine.memory.read(EVENTS, 8)?.readUInt32LE(0), 0, 'the queue of commands');
  machine.enableVector(5);
  machine.command(IRDMA_CQP_OP_NOP);
  t.same(machine.interrupts, [5], 'it was not armed again');
});

/** The shadow area of the queue of commands says that any completion is waited for. */
function arm(machine: RdmaMachine): void {
  const shadow = Buffer.alloc(8);
  shadow.writeBigUInt64LE(1n << 14n);
  machine.memory.write(ARMING, shadow);
  machine.write(DOORBELL_ARM, 0);
}

t.test('objects are where the driver wants them, and no number is used twice', async (t) => {
  const machine = started();
  const key = { head: IRDMA_CQPSQ_STAG_MR, 16: widePlace(9, IRDMA_CQPSQ_STAG_IDX) };
  t.equal(machine.command(IRDMA_CQP_OP_ALLOC_STAG, key).hasFailed, false);
  t.equal(machine.command(IRDMA_CQP_OP_ALLOC_STAG, key).hasFailed, true, 'the same again');
  const window = { ...key, head: 0n };
  t.equal(machine.command(IRDMA_CQP_OP_DEALLOC_STAG, window).hasFailed, true, 'it is no window');
  t.equal(machine.command(IRDMA_CQP_OP_DEALLOC_STAG, key).hasFailed, false);
  t.equal(machine.command(IRDMA_CQP_OP_DEALLOC_STAG, key).hasFailed, true, 'it is gone');
});

t.test('a completion queue with users stays', async (t) => {
  const machine = started();
  const cq = { head: widePlace(3, CQ_NUMBER), 0: 16, 32: SPACE, 40: SPACE + 0x1000 };
  t.equal(machine.command(IRDMA_CQP_OP_CREATE_CQ, cq).hasFailed, false);
  const context = Buffer.alloc(216);
  context.writeUInt32LE(3, 136);
  context.writeUInt32LE(3, 140);
  machine.memory.write(SPACE + 0x2000, context);
  const qp = { head: 7n, 16: SPACE + 0x2000 };
  t.equal(machine.command(IRDMA_CQP_OP_CREATE_QP, qp).hasFailed, false);
  t.match(machine.command(IRDMA_CQP_OP_DESTROY_CQ, cq), { hasFailed: true, minor: BUSY });
  t.equal(machine.command(IRDMA_CQP_OP_DESTROY_QP, qp).hasFailed, false);
  t.equal(machine.command(IRDMA_CQP_OP_DESTROY_CQ, cq).hasFailed, false);
  context.writeUInt32LE(4, 140);
  machine.memory.write(SPACE + 0x2000, context);
  t.equal(machine.command(IRDMA_CQP_OP_CREATE_QP, qp).hasFailed, true, 'no such queue');
});

t.test('a queue pair that is suspended says so, by its number', async (t) => {
  const machine = started();
  const context = Buffer.alloc(216);
  machine.memory.write(SPACE, context);
  const qp = { head: 7n, 16: SPACE };
  t.equal(machine.command(IRDMA_CQP_OP_CREATE_QP, qp).hasFailed, false);
  const suspended = { head: 7n | widePlace(IRDMA_QP_STATE_SQD, IRDMA_CQPSQ_QP_NEXTIWSTATE) };
  t.equal(machine.command(IRDMA_CQP_OP_MODIFY_QP, suspended).hasFailed, false);
  const word = machine.memory.read(ASYNC_EVENTS + 8, 8)?.readBigUInt64LE(0) ?? 0n;
  t.equal(word & 0x1ff_ffffn, 7n);
  t.equal((word >> 50n) & 0xfffn, 0x900n);
  t.equal(word >> 63n, 1n, 'it is there');
});

t.test('pages come from the memory that the host lends', async (t) => {
  const machine = started();
  const buffer = SPACE + 0x3000;
  machine.command(IRDMA_CQP_OP_QUERY_FPM_VAL, { 32: buffer });
  t.equal(machine.memory.read(buffer + 8, 4)?.readUInt32LE(0), LIMITS.qps);
  const counts = Buffer.alloc(208);
  counts.writeBigUInt64LE(BigInt(LIMITS.qps) | (1n << 63n), 0);
  counts.writeBigUInt64LE(512n, 112);
  machine.memory.write(buffer, counts);
  t.equal(machine.command(IRDMA_CQP_OP_COMMIT_FPM_VAL, { 32: buffer }).hasFailed, false);
  const placed = machine.memory.read(buffer, 208) ?? counts;
  t.equal(placed.readUInt32LE(0), LIMITS.qps);
  const segment = (placed.readUInt32LE(116) * 512) / 2 ** 21;
  t.equal(segment, 1, 'page entries begin a segment');
  const mapped = { head: widePlace(3, CQ_NUMBER) | IRDMA_CQPSQ_CQ_VIRTMAP, 0: 16, 40: SPACE };
  const refused = machine.command(IRDMA_CQP_OP_CREATE_CQ, { ...mapped, 48: 1 });
  t.equal(refused.hasFailed, true, 'nothing is lent yet');
  lend(machine, segment);
  t.equal(machine.command(IRDMA_CQP_OP_CREATE_CQ, { ...mapped, 48: 1 }).hasFailed, false);
  const mr = {
    head: IRDMA_CQPSQ_STAG_MR | widePlace(3, IRDMA_CQPSQ_STAG_LPBLSIZE),
    8: widePlace(0x1800, IRDMA_CQPSQ_STAG_STAGLEN),
    16: widePlace(1, IRDMA_CQPSQ_STAG_IDX),
    48: 2,
  };
  t.equal(machine.command(IRDMA_CQP_OP_REG_MR, mr).hasFailed, false, 'a list of lists');
});

/** A segment with a table of pages, of which the first has page entries; the third names the second as a list. */
function lend(machine: RdmaMachine, segment: number): void {
  const table = SPACE + 0x4000;
  const entries = SPACE + 0x5000;
  machine.memory.write(table, word(BigInt(entries) | 1n));
  machine.memory.write(entries + 8, word(BigInt(SPACE + 0x6000)));
  machine.memory.write(entries + 16, word(1n));
  const data = BigInt(table) | 1n;
  machine.command(IRDMA_CQP_OP_UPDATE_PE_SDS, { 0: segment, 8: data });
}

function word(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
