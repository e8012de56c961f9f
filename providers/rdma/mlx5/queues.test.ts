import { closeSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { E } from '../../../uapi/errno.ts';
import * as h from '../../../uapi/headers/rdma/mlx5-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { rdmaObject } from '../context.ts';
import type { CreateRequests } from '../driver.ts';
import { ringsAt } from '../ring-memory.ts';
import { WorkRing } from '../work-ring.ts';
import { Mlx5Cq, openCq, type Receives } from './completion.ts';
import { decodeCompletion, isNew } from './cqe.ts';
import { mlx5Memory } from './memory.ts';
import { openQp } from './queues.ts';
import { openSrq, sharedReceives } from './shared-receive.ts';
import type { Register } from './uar.ts';

const ANSWER = h.mlx5_ib_alloc_ucontext_resp.make({ max_srq_recv_wr: 64, max_rq_desc_sz: 256 });
const SGE = { address: 0x2000n, length: 8, lkey: 0x800 };

interface Fields {
  readonly kind: number;
  readonly owner?: number;
  readonly qpn?: number;
  readonly opcode?: number;
  readonly index?: number;
  readonly queue?: number;
  readonly extra?: number;
  readonly remote?: number;
  readonly length?: number;
  readonly syndrome?: number;
}

function cqe(fields: Fields): Buffer {
  const { kind, owner = 0, qpn = 9, opcode = 0, index = 0, queue = 0 } = fields;
  const entry = Buffer.alloc(64);
  entry.writeUInt32BE(fields.remote ?? 0, 24);
  entry.writeUInt32BE(queue, 32);
  entry.writeUInt32BE(fields.extra ?? 0, 36);
  entry.writeUInt32BE(fields.length ?? 0, 44);
  if (fields.syndrome !== undefined) {
    entry.writeUInt8(0x77, 54);
    entry.writeUInt8(fields.syndrome, 55);
  }
  entry.writeUInt32BE(((opcode << 24) | qpn) >>> 0, 56);
  entry.writeUInt16BE(index, 60);
  entry.writeUInt8((kind << 4) | owner, 63);
  return entry;
}

function memoryOf(made: { ok: true; value: Mapping } | { ok: false } | undefined): Mapping {
  if (made?.ok !== true) throw new Error('no memory');
  return made.value;
}

/** A CQ of four entries, and what it rings. */
function cqOf() {
  const memory = memoryOf(mlx5Memory.cq({ entries: 3 }));
  const rung: bigint[] = [];
  const register = { ring: (value: bigint) => rung.push(value), close() {} };
  const place = { cqn: 0x1234, entries: 4, channel: 5 };
  const queue = new Mlx5Cq(memory, place, register as unknown as Register);
  const write = (slot: number, fields: Fields) => memory.write(ringsAt() + slot * 64, cqe(fields));
  return { memory, queue, rung, write, ids: () => queue.poll(8).map(({ id }) => id) };
}

function sendRing(memory: Mapping): WorkRing {
  return new WorkRing(memory, { start: 0, slots: 8, slotBytes: 64 }, 1024);
}

const NO_RECEIVES: Receives = { complete: () => 0n };
const NINE = { numbers: [9] };

t.test('an entry is new when it is not invalid and its owner is of this round', async (t) => {
  const word = (kind: number, owner: number) => cqe({ kind, owner }).readUInt32LE(60);
  t.equal(isNew(word(15, 0), 0), false);
  t.equal(isNew(word(0, 0), 0), true);
  t.equal(isNew(word(0, 0), 1), false);
  t.equal(isNew(word(0, 1), 1), true);
});

t.test('completions tell in words', async (t) => {
  const seen = (fields: Fields, keyChange = '') => decodeCompletion(cqe(fields), 3n, keyChange);
  t.match(seen({ kind: 0, opcode: 0x08, length: 9 }), { opcode: 'rdma-write', length: 0, qpn: 9 });
  t.match(seen({ kind: 0, opcode: 0x10, length: 9 }), { opcode: 'rdma-read', length: 9, id: 3n });
  t.match(seen({ kind: 0, opcode: 0x12 }), { opcode: 'fetch-add', length: 8 });
  t.match(seen({ kind: 0, opcode: 0x25 }, 'bind-mw'), { opcode: 'bind-mw', status: 'success' });
  t.match(seen({ kind: 1, extra: 7, length: 4 }), {
    opcode: 'receive-rdma-immediate',
    immediate: 7,
    hasImmediate: true,
    length: 4,
  });
  t.match(seen({ kind: 2, remote: 0x10000055, extra: 7 }), {
    opcode: 'receive',
    sourceQpn: 0x55,
    hasGrh: true,
    hasImmediate: false,
    invalidatedRkey: 0,
  });
  t.match(seen({ kind: 3, extra: 7 }), { opcode: 'receive', immediate: 7, hasGrh: false });
  t.match(seen({ kind: 4, extra: 0x500 }), { invalidatedRkey: 0x500, hasImmediate: false });
  for (const [kind, syndrome, status] of [
    [13, 1, 'local-length-error'],
    [14, 5, 'flushed'],
    [13, 0x13, 'remote-access-error'],
    [13, 0x16, 'rnr-retry-exceeded'],
    [13, 0x99, 'general-error'],
  ] as const) {
    t.match(seen({ kind, syndrome }), { status, vendorError: 0x77, opcode: '' }, status);
  }
});

t.test(
  'sends complete by their slot, receives by their queue, and the record says how far',
  async (t) => {
    const { memory, queue, write, ids } = cqOf();
    const rings = memoryOf(mlx5Memory.cq({ entries: 63 }));
    const send = sendRing(rings);
    send.put(50n, Buffer.alloc(64));
    send.put(51n, Buffer.alloc(192), 2);
    const named: (readonly [number, boolean])[] = [];
    const receives = { complete: (...how: [number, boolean]) => BigInt(named.push(how)) };
    queue.attach(NINE, { send, receives: NO_RECEIVES });
    queue.attachReceives(0x44, receives);
    write(0, { kind: 0, opcode: 0x25, index: 1 });
    write(1, { kind: 2, queue: 0x44, index: 6 });
    write(2, { kind: 14, queue: 0x44, index: 7, syndrome: 5 });
    const found = queue.poll(8);
    t.strictSame(
      found.map(({ id }) => id),
      [51n, 1n, 2n],
    );
    t.equal(found[0]?.opcode, 'bind-mw');
    t.equal(send.free, 8, 'what was before it is done too');
    t.strictSame(named, [
      [6, false],
      [7, true],
    ]);
    t.equal(memory.read(0, 4).readUInt32BE(0), 3);
    t.strictSame(ids(), []);
    queue.close();
    rings.unmap();
  },
);

t.test('a QP that goes leaves its completions, one that is reset does not', async (t) => {
  const { queue, write, ids } = cqOf();
  const rings = memoryOf(mlx5Memory.cq({ entries: 63 }));
  const send = sendRing(rings);
  for (const id of [50n, 51n, 52n]) send.put(id, Buffer.alloc(64));
  const queues = { send, receives: NO_RECEIVES };
  queue.attach(NINE, queues);
  write(0, { kind: 0, opcode: 0x0a, index: 0 });
  queue.forget({ ...queues });
  queue.forget(queues);
  write(1, { kind: 0, opcode: 0x0a, index: 1 });
  queue.detach(NINE, undefined);
  rings.unmap();
  t.strictSame(ids(), [51n]);
  queue.close();
});

t.test('a CQ is armed by the record and the register, and anew after an event', async (t) => {
  const { memory, queue, rung, write } = cqOf();
  write(0, { kind: 2 });
  queue.poll(1);
  queue.arm(true);
  const words = Buffer.alloc(8);
  words.writeBigUInt64LE(rung[0] ?? 0n);
  t.strictSame([words.readUInt32BE(0), words.readUInt32BE(4)], [0x01000001, 0x1234]);
  t.equal(memory.read(4, 4).readUInt32BE(0), 0x01000001);
  queue.eventRead(rdmaObject('channel', 6));
  queue.arm(false);
  t.equal(memory.read(4, 4).readUInt32BE(0), 1, 'the event was of another channel');
  queue.eventRead(rdmaObject('channel', 5));
  queue.arm(false);
  t.equal(memory.read(4, 4).readUInt32BE(0), 0x10000001);
  queue.close();
});

t.test('a resized CQ goes on in the new ring behind the entry that ended the old', async (t) => {
  const { memory, queue, write, ids } = cqOf();
  const receives = { complete: (index: number) => BigInt(index) };
  queue.attachReceives(1, receives);
  write(0, { kind: 2, queue: 1, index: 10 });
  write(1, { kind: 5 });
  const larger = memoryOf(mlx5Memory['resize-cq']({ entries: 7 }));
  queue.remap(Buffer.alloc(0), { entries: 7, memory: larger });
  larger.write(ringsAt() + 2 * 64, cqe({ kind: 2, queue: 1, index: 11 }));
  t.strictSame(ids(), [10n, 11n]);
  t.equal(memory.read(0, 4).readUInt32BE(0), 3, 'the record is where it was');
  const same = memoryOf(mlx5Memory['resize-cq']({ entries: 7 }));
  queue.remap(Buffer.alloc(0), { entries: 7, memory: same });
  t.equal(same.isMapped, false);
  queue.close();
  t.strictSame([memory.isMapped, larger.isMapped], [false, false]);
});

t.test('an SRQ is a list of slots that come back in the order of completions', async (t) => {
  const pd = rdmaObject('pd', 1);
  const want = { pd, maxWr: 3, maxSge: 1 };
  const memory = memoryOf(mlx5Memory.srq(want, ANSWER));
  const object = rdmaObject('srq', 4, { number: 0x30 });
  const made = { fd: -1, object, want, response: Buffer.alloc(8), contextAnswer: ANSWER, memory };
  const opened = openSrq(made);
  if (!opened.ok) throw new Error(opened.call);
  const queue = opened.value;
  const shared = sharedReceives(object);
  const request = (id: bigint) => ({ id, sges: [SGE] });
  t.strictSame(queue.post([1n, 2n, 3n, 4n].map(request)), { count: 3, errno: E.ENOMEM });
  t.equal(memory.read(0, 4).readUInt32BE(0), 3);
  t.equal(memory.read(ringsAt() + 16, 4).readUInt32BE(0), 8);
  t.strictSame([shared?.complete(1), shared?.complete(0)], [2n, 1n]);
  t.strictSame(queue.post([request(5n), request(6n), request(7n)]), { count: 2, errno: E.ENOMEM });
  const next = (slot: number) => memory.read(ringsAt() + slot * 32 + 2, 2).readUInt16BE(0);
  t.strictSame([next(2), next(3), next(1)], [3, 1, 0], 'behind the last comes what was free first');
  t.strictSame([shared?.complete(2), shared?.complete(3), shared?.complete(1)], [3n, 5n, 6n]);
  t.strictSame(queue.post([{ id: 1n, sges: [SGE, SGE] }]), { count: 0, errno: E.EINVAL });
  queue.close();
});

/** A file whose pages are where those of the device would be: those of kind NC, see uar.ts. */
function deviceFile(folder: string): { readonly fd: number; registerAt(place: number): Buffer } {
  const fd = openSync(join(folder, 'uverbs'), 'w+');
  const pages = 0x300 * ringsAt();
  ftruncateSync(fd, pages + 4 * ringsAt());
  return {
    fd,
    registerAt(place) {
      const bytes = Buffer.alloc(8);
      readSync(fd, bytes, 0, 8, pages + place);
      return bytes;
    },
  };
}

t.test('a QP posts to its rings, its records and its register', async (t) => {
  const { fd, registerAt } = deviceFile(t.testdir());
  const contextAnswer = h.mlx5_ib_alloc_ucontext_resp.make({
    ...h.mlx5_ib_alloc_ucontext_resp.decode(ANSWER),
    max_sq_desc_sz: 512,
    max_send_wqebb: 64,
    max_recv_wr: 64,
    bf_reg_size: 512,
    cqe_version: 1,
  });
  const cq = rdmaObject('cq', 1);
  const ring = memoryOf(mlx5Memory.cq({ entries: 7 }));
  const response = h.mlx5_ib_create_cq_resp.make({ cqn: 3 });
  const wished = { entries: 7 };
  const common = { fd, contextAnswer };
  const madeCq = openCq({ ...common, object: cq, want: wished, response, memory: ring });
  if (!madeCq.ok) throw new Error(madeCq.call);
  const want: CreateRequests['qp'] = { type: 'rc', sendCq: cq, receiveCq: cq };
  const memory = memoryOf(mlx5Memory.qp(want, contextAnswer));
  const object = rdmaObject('qp', 2, { number: 9, sendSge: 1, receiveSge: 1, inline: 0 });
  const answer = h.mlx5_ib_create_qp_resp.make({ bfreg_index: 5 });
  const opened = openQp({ ...common, object, want, response: answer, memory });
  if (!opened.ok) throw new Error(opened.call);
  const { send, receive } = opened.value;
  const index = memory.readU32(64);

  send?.post([
    { id: 70n, opcode: 'local-invalidate', sges: [] },
    { id: 71n, opcode: 'send', sges: [SGE], signaled: true },
  ]);
  send?.ring?.();
  receive?.post([{ id: 80n, sges: [SGE] }]);
  t.strictSame([memory.read(4, 4).readUInt32BE(0), memory.read(0, 4).readUInt32BE(0)], [3, 1]);
  const wqe = memory.read(ringsAt() + 64 + 2 * 64, 64);
  t.equal(
    wqe.toString('hex', 0, 8),
    '0000020a00000902',
    'behind a block of receives and two blocks',
  );
  t.equal(wqe.readUInt8(11), 0x28, 'it does not overtake the change of a key');
  t.equal(registerAt(ringsAt() + 0x800 + 512).equals(wqe.subarray(0, 8)), true);
  t.equal(memory.read(ringsAt() + 8, 8).readBigUInt64BE(0), 0x2000n);

  ring.write(ringsAt(), cqe({ kind: 0, opcode: 0x0a, index: 2 }));
  ring.write(ringsAt() + 64, cqe({ kind: 2, queue: index, index: 0 }));
  const ids = () => madeCq.value.poll(8).map(({ id }) => id);
  t.strictSame(ids(), [71n, 80n]);
  madeCq.value.arm?.(false);
  t.equal(registerAt(0x20).toString('hex'), '0000000200000003');

  ring.write(ringsAt() + 2 * 64, cqe({ kind: 2, queue: index, index: 1 }));
  send?.drop?.();
  t.strictSame([ids(), memory.readU32(0), memory.readU32(4)], [[], 0, 0]);
  send?.close();
  madeCq.value.close();
  t.equal(memory.isMapped, false);
  closeSync(fd);
});
