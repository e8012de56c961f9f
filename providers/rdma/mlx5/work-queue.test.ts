import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { E } from '../../../uapi/errno.ts';
import * as h from '../../../uapi/headers/rdma/mlx5-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { rdmaObject } from '../context.ts';
import { ringsAt } from '../ring-memory.ts';
import { openCq } from './completion.ts';
import { driverData } from './driver-data.ts';
import { mlx5Memory } from './memory.ts';
import { openWq } from './work-queue.ts';

/** Work queues: receives that a CQ finds by an index. */

const CQ = rdmaObject('cq', 1);
const PD = rdmaObject('pd', 1);

/** A slot of two pieces, of which one is used. */
const SGE = { address: 0x7f00_1234_5678n, length: 60, lkey: 0x800 };
const WANT = { pd: PD, cq: CQ, maxWr: 4, maxSge: 2 };

function answerOf(cqe_version: number): Buffer {
  return h.mlx5_ib_alloc_ucontext_resp.make({
    max_rq_desc_sz: 256,
    max_recv_wr: 1024,
    bf_reg_size: 512,
    cqe_version,
  });
}

function memoryOf(made: { ok: true; value: Mapping } | { ok: false; call: string }): Mapping {
  if (!made.ok) throw new Error(made.call);
  return made.value;
}

/** Two WQs, numbers 0x500 and 0x501, on one CQ. */
function queuesOf(folder: string, version = 1) {
  const fd = openSync(join(folder, `uverbs${version}`), 'w+');
  ftruncateSync(fd, 0x304 * ringsAt());
  const contextAnswer = answerOf(version);
  const common = { fd, contextAnswer };
  const ring = memoryOf(mlx5Memory.cq({ entries: 7 }));
  const cq = openCq({
    ...common,
    object: CQ,
    want: { entries: 7 },
    response: h.mlx5_ib_create_cq_resp.make({ cqn: 3 }),
    memory: ring,
  });
  if (!cq.ok) throw new Error(cq.call);
  const wqs = [0x500, 0x501].map((number) => {
    const memory = memoryOf(mlx5Memory.wq(WANT, contextAnswer));
    const object = rdmaObject('wq', number, { number, maxWr: 4, maxSge: 2 });
    const response = h.mlx5_ib_create_wq_resp.make();
    const opened = openWq({ ...common, object, want: WANT, response, memory });
    if (!opened.ok) throw new Error(opened.call);
    return { queue: opened.value, memory, index: memory.readU32(64) };
  });
  let entries = 0;
  const complete = (fields: { kind?: number; qpn?: number; queue: number; index: number }) => {
    const { kind = 2, qpn = 0, queue, index } = fields;
    const entry = Buffer.alloc(64);
    entry.writeUInt32BE(0x1000_0055, 24);
    entry.writeUInt32BE(queue, 32);
    entry.writeUInt32BE(60, 44);
    if (kind === 14) entry.writeUInt8(5, 55);
    entry.writeUInt32BE(qpn, 56);
    entry.writeUInt16BE(index, 60);
    entry.writeUInt8(kind << 4, 63);
    ring.write(ringsAt() + 64 * entries++, entry);
  };
  const close = () => {
    for (const { queue } of wqs) queue.close();
    cq.value.close();
    closeSync(fd);
  };
  const [first, second] = wqs;
  if (first === undefined || second === undefined) throw new Error('no WQs');
  return { cq: cq.value, first, second, complete, close };
}

t.test('the driver is told of the ring, the record and the index', async (t) => {
  const memory = memoryOf(mlx5Memory.wq(WANT, answerOf(1)));
  t.equal(memory.length, 2 * ringsAt());
  const told = h.mlx5_ib_create_wq.decode(driverData('wq', WANT, answerOf(1), memory).input);
  t.match(told, {
    buf_addr: memory.address + BigInt(ringsAt()),
    db_addr: memory.address,
    rq_wqe_count: 4,
    rq_wqe_shift: 5,
    user_index: memory.readU32(64),
  });
  memory.unmap();
});

t.test('a receive is its pieces in the ring, and a record', async (t) => {
  const { first, close } = queuesOf(t.testdir());
  const { queue, memory } = first;
  t.strictSame(queue.post([{ id: 80n, sges: [SGE] }]), { count: 1, errno: 0 });
  const piece = '0000003c0000080000007f0012345678';
  const end = '00000000000001000000000000000000';
  t.equal(memory.read(ringsAt(), 32).toString('hex'), piece + end);
  queue.post([{ id: 81n, sges: [SGE, { ...SGE, lkey: 0x900 }] }]);
  const both = piece + piece.replace('0800', '0900');
  t.equal(memory.read(ringsAt() + 32, 32).toString('hex'), both);
  t.equal(memory.read(0, 4).readUInt32BE(0), 2);
  t.strictSame(queue.post([{ id: 82n, sges: [SGE, SGE, SGE] }]), { count: 0, errno: E.EINVAL });
  const more = [82n, 83n, 84n].map((id) => ({ id, sges: [] }));
  t.strictSame(queue.post(more), { count: 2, errno: E.ENOMEM }, 'a full ring');
  t.equal(memory.read(0, 4).readUInt32BE(0), 4);
  close();
});

t.test('completions find their WQ by the index, whatever the flow tag is', async (t) => {
  const { cq, first, second, complete, close } = queuesOf(t.testdir());
  first.queue.post([{ id: 80n, sges: [SGE] }]);
  second.queue.post([{ id: 90n, sges: [SGE] }]);
  second.queue.post([{ id: 91n, sges: [SGE] }]);
  complete({ queue: second.index, index: 0, qpn: 0x500 });
  complete({ queue: first.index, index: 0, qpn: 0 });
  complete({ queue: second.index, index: 1, kind: 14, qpn: 0x501 });
  const [one, other, failed] = cq.poll(8);
  t.match(one, { id: 90n, opcode: 'receive', length: 60, qpn: 0x501, sourceQpn: 0, hasGrh: false });
  t.match(other, { id: 80n, opcode: 'receive', qpn: 0x500 });
  t.match(failed, { id: 91n, status: 'flushed', qpn: 0x501 });
  close();
});

t.test('slots are free again after their completions', async (t) => {
  const { cq, first, complete, close } = queuesOf(t.testdir());
  const post = (...ids: bigint[]) => first.queue.post(ids.map((id) => ({ id, sges: [SGE] })));
  t.match(post(1n, 2n, 3n, 4n, 5n), { count: 4, errno: E.ENOMEM });
  complete({ queue: first.index, index: 0 });
  complete({ queue: first.index, index: 1 });
  cq.poll(2);
  t.match(post(5n, 6n, 7n), { count: 2, errno: E.ENOMEM });
  complete({ queue: first.index, index: 5 });
  t.match(cq.poll(1), [{ id: 6n }]);
  close();
});

t.test('of the first version they find it by number', async (t) => {
  const { cq, second, complete, close } = queuesOf(t.testdir(), 0);
  second.queue.post([{ id: 90n, sges: [SGE] }]);
  complete({ queue: 0, index: 0, qpn: 0x501 });
  t.match(cq.poll(8), [{ id: 90n, qpn: 0x501 }]);
  close();
});

t.test('a WQ that was reset has forgotten its receives', async (t) => {
  const { cq, first, second, complete, close } = queuesOf(t.testdir());
  first.queue.post([{ id: 80n, sges: [SGE] }]);
  second.queue.post([{ id: 90n, sges: [SGE] }]);
  complete({ queue: first.index, index: 0 });
  complete({ queue: second.index, index: 0 });
  first.queue.drop?.();
  t.equal(first.memory.readU32(0), 0);
  t.match(cq.poll(8), [{ id: 90n }], 'those of the other stay');
  first.queue.post([{ id: 81n, sges: [SGE] }]);
  complete({ queue: first.index, index: 0 });
  t.match(cq.poll(8), [{ id: 81n, qpn: 0x500 }]);
  close();
});

t.test('a WQ that was destroyed leaves its completions, and no memory', async (t) => {
  const { cq, first, complete, close } = queuesOf(t.testdir());
  first.queue.post([{ id: 80n, sges: [SGE] }]);
  complete({ queue: first.index, index: 0 });
  first.queue.close();
  t.equal(first.memory.isMapped, false);
  complete({ queue: first.index, index: 0 });
  const ids = cq.poll(8).map(({ id, qpn }) => [id, qpn]);
  t.strictSame(ids, [
    [80n, 0x500],
    [0n, 0],
  ]);
  close();
});
