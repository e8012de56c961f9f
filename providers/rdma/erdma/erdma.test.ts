import t from 'tap';
import { E } from '../../../uapi/errno.ts';
import * as h from '../../../uapi/headers/rdma/erdma-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { pageSize } from '../../../uapi/sys-memory.ts';
import { rdmaObject } from '../context.ts';
import type { SendRequest } from '../driver.ts';
import { ringMemory, ringsAt } from '../ring-memory.ts';
import { WorkRing } from '../work-ring.ts';
import { packed } from './bits.ts';
import { completionQueue, openCq } from './completion.ts';
import { decodeCompletion, isNew, requestOf } from './cqe.ts';
import { placeOf } from './doorbell.ts';
import { CQ_DOORBELL, CQE, RQE_BYTES } from './formats.ts';
import { erdma } from './part.ts';
import { encodeReceive } from './receive.ts';
import { encodeSend, postSend } from './send.ts';
import { cqBytes, qpBytes, slotsFor } from './sizes.ts';

const NOTHING = Buffer.alloc(0);
const LIMITS = { qpn: 0x12345, maxSge: 2, inline: 96, signalAll: false };
const SGES = [
  { address: 0x7f00_1234_5678n, length: 64, lkey: 0x700 },
  { address: 0x2000n, length: 8, lkey: 0x800 },
];
const FAR = { remoteAddress: 0x1_0000_0002n, rkey: 0x900 };

function memoryOf(bytes: number): Mapping {
  const made = ringMemory(bytes);
  if (!made.ok) throw new Error(made.call);
  return made.value;
}

function ringIn(memory: Mapping, start: number): WorkRing {
  return new WorkRing(memory, { start, slots: 4, slotBytes: 32 }, 1024 + start);
}

/** The fields of the first 64 bits of a send, as erdma_hw.h has them. */
function headerOf(sqe: Buffer) {
  const word = sqe.readBigUInt64LE(0);
  const bits = (lowest: number, width: number) =>
    Number(BigInt.asUintN(width, word >> BigInt(lowest)));
  return {
    index: bits(0, 16),
    flags: bits(22, 4),
    opcode: bits(27, 5),
    qpn: bits(32, 20),
    blocks: bits(52, 3) + 1,
    count: bits(56, 8),
  };
}

function encode(request: Omit<SendRequest, 'id'>, index = 0): Buffer {
  return encodeSend({ id: 1n, ...request }, LIMITS, index);
}

t.test('rings have a power of two slots, and records a page of their own', async (t) => {
  for (const [count, slots] of [
    [0, 0],
    [1, 1],
    [3, 4],
    [16, 16],
    [17, 0],
  ] as const) {
    t.equal(slotsFor(count, 16), slots, `${count}`);
  }
  t.equal(cqBytes({ entries: 5 }), 8 * 32);
  t.equal(qpBytes({ type: 'rc', sendWr: 20, receiveWr: 20 }), 4096 + 32 * 32 + (128 + 32) * 16);
  t.equal(
    qpBytes({ type: 'rc', sendWr: 100, receiveWr: 1 }),
    16384 + 32 + (512 + 1) * 16,
    '512 blocks of sends',
  );
  t.equal(qpBytes({ type: 'rc', sendWr: 0xffff_ffff, receiveWr: 0xffff_ffff }), 0);
  const memory = memoryOf(4096 + 32);
  const told = erdma.driverData?.('qp', {}, NOTHING, memory);
  t.strictSame(h.erdma_ureq_create_qp.decode(told?.input ?? NOTHING), {
    db_record_va: memory.address,
    qbuf_va: memory.address + BigInt(ringsAt()),
    qbuf_len: memory.length - pageSize(),
    rsvd0: 0,
  });
  memory.unmap();
});

t.test('the header of a send tells its kind, its blocks and what comes behind', async (t) => {
  const send = encode({ opcode: 'send', sges: SGES, signaled: true, fence: true }, 6);
  t.strictSame(headerOf(send), {
    index: 8,
    flags: 0b0101,
    opcode: 2,
    qpn: 0x12345,
    blocks: 2,
    count: 2,
  });
  t.equal(send.length, 64);
  t.equal(send.readUInt32LE(12), 72, 'the length of all pieces');
  t.equal(send.readBigUInt64LE(16), 0x7f00_1234_5678n);
  t.strictSame([send.readUInt32LE(24), send.readUInt32LE(28)], [64, 0x700]);
  t.equal(send.readUInt32LE(44), 0x800);
  const all = encodeSend({ id: 1n, opcode: 'send', sges: [] }, { ...LIMITS, signalAll: true }, 0);
  t.match(headerOf(all), { flags: 1, blocks: 1, count: 0 });
  t.match(headerOf(encode({ opcode: 'send', sges: [], solicited: true })), { flags: 2 });
});

t.test('an index counts 16 bits', async (t) => {
  t.match(headerOf(encode({ opcode: 'send', sges: SGES }, 0xffff)), { index: 1 });
});

t.test('immediate data is big-endian, a key is not', async (t) => {
  const immediate = encode({ opcode: 'send-immediate', sges: [], immediate: 0x01020304 });
  t.match(headerOf(immediate), { opcode: 3 });
  t.equal(immediate.readUInt32BE(8), 0x01020304);
  const key = encode({ opcode: 'send-invalidate', sges: [], invalidateRkey: 0x01020304 });
  t.match(headerOf(key), { opcode: 13 });
  t.equal(key.readUInt32LE(8), 0x01020304);
});

t.test('a write names far memory before its pieces', async (t) => {
  const write = encode({ opcode: 'rdma-write-immediate', sges: SGES, ...FAR, immediate: 7 });
  t.match(headerOf(write), { opcode: 9, blocks: 2, count: 2 });
  t.strictSame([write.readUInt32BE(8), write.readUInt32LE(12)], [7, 72]);
  t.strictSame([write.readUInt32LE(16), write.readBigUInt64LE(20)], [0x900, 0x1_0000_0002n]);
  t.equal(write.readBigUInt64LE(48), 0x2000n);
});

t.test('a read names near memory first, and far memory as its piece', async (t) => {
  const read = encode({ opcode: 'rdma-read', sges: SGES.slice(0, 1), ...FAR });
  t.match(headerOf(read), { opcode: 1, blocks: 2, count: 0 });
  t.strictSame([read.readUInt32LE(12), read.readUInt32LE(16)], [64, 0x700]);
  t.equal(read.readBigUInt64LE(20), 0x7f00_1234_5678n);
  t.equal(read.readBigUInt64LE(32), 0x1_0000_0002n);
  t.strictSame([read.readUInt32LE(40), read.readUInt32LE(44)], [64, 0x900]);
});

t.test('atomic operations have their operands, then both places', async (t) => {
  const near = { address: 0x3000n, length: 8, lkey: 0xa00 };
  const values = { compareAdd: 5n, swap: 6n };
  const swap = encode({ opcode: 'compare-swap', sges: [near], ...FAR, ...values });
  t.match(headerOf(swap), { opcode: 17, blocks: 2, count: 0 });
  t.strictSame([swap.readBigUInt64LE(16), swap.readBigUInt64LE(24)], [6n, 5n]);
  t.strictSame([swap.readBigUInt64LE(32), swap.readUInt32LE(44)], [0x1_0000_0002n, 0x900]);
  t.strictSame([swap.readBigUInt64LE(48), swap.readUInt32LE(60)], [0x3000n, 0xa00]);
  const add = encode({ opcode: 'fetch-add', sges: [near], ...FAR, ...values });
  t.match(headerOf(add), { opcode: 18 });
  t.strictSame([add.readBigUInt64LE(16), add.readBigUInt64LE(24)], [5n, 0n]);
});

t.test('inline data lies where the pieces would', async (t) => {
  const data = Buffer.alloc(96, 'x');
  const send = encode({ opcode: 'send', sges: [], inline: data });
  t.match(headerOf(send), { flags: 0b1000, blocks: 4, count: 96 });
  t.equal(send.readUInt32LE(12), 96);
  t.equal(send.subarray(16, 112).equals(data), true);
  const write = encode({ opcode: 'rdma-write', sges: [], inline: data, ...FAR });
  t.match(headerOf(write), { blocks: 4 });
  t.equal(write.subarray(32).equals(data), true);
});

t.test('what has no encoding is refused, and what finds no room', async (t) => {
  const memory = memoryOf(4096);
  const ring = ringIn(memory, 0);
  const post = (request: Omit<SendRequest, 'id'>) => postSend(ring, { id: 1n, ...request }, LIMITS);
  for (const request of [
    { opcode: 'send', sges: [...SGES, ...SGES] },
    { opcode: 'send', sges: [], inline: Buffer.alloc(97) },
    { opcode: 'rdma-read', sges: SGES },
    { opcode: 'rdma-read', sges: [] },
    { opcode: 'fetch-add', sges: [], inline: Buffer.alloc(8) },
    { opcode: 'bind-mw', sges: [] },
  ] as const) {
    t.equal(post(request), E.EINVAL, request.opcode);
  }
  t.equal(post({ opcode: 'send', sges: SGES }), 0);
  t.equal(post({ opcode: 'send', sges: [] }), 0);
  t.equal(post({ opcode: 'send', sges: SGES }), E.ENOMEM, 'one block is not two');
  memory.unmap();
});

t.test('requests go on at the start of a ring, and a completion frees all before it', async (t) => {
  const memory = memoryOf(4096);
  const ring = ringIn(memory, 64);
  const blocks = (first: string, ...more: string[]) =>
    Buffer.concat([first, ...more].map((letter) => Buffer.alloc(32, letter)));
  ring.put(10n, blocks('a', 'b'));
  ring.put(11n, blocks('c'));
  t.equal(ring.free, 1);
  t.equal(ring.complete(2), 11n);
  t.equal(ring.free, 4);
  ring.put(12n, blocks('d', 'e'));
  const seen = [0, 32, 64, 96].map((at) => memory.read(64 + at, 1).toString());
  t.equal(seen.join(''), 'ebcd');
  t.equal(ring.complete(3), 12n);
  ring.clear();
  t.strictSame([ring.produced, ring.free], [0, 4]);
  memory.unmap();
});

t.test('indices wrap at 16 bits', async (t) => {
  const memory = memoryOf(4096);
  const ring = ringIn(memory, 0);
  for (let i = 0; i < 0x10001; i++) {
    ring.put(BigInt(i), Buffer.alloc(32));
    if (ring.complete(i & 0xffff) !== BigInt(i)) t.fail(`request ${i}`);
  }
  t.strictSame([ring.produced, ring.free], [1, 4]);
  memory.unmap();
});

t.test('a receive names the slot behind it and its QP, as its doorbell does', async (t) => {
  const rqe = encodeReceive({ id: 1n, sges: SGES.slice(0, 1) }, 0x12345, 0xffff);
  t.equal(rqe.length, RQE_BYTES);
  t.equal(rqe.readBigUInt64LE(0), 0x12345_0000_0000n);
  t.equal(rqe.readBigUInt64LE(16), 0x7f00_1234_5678n);
  t.strictSame([rqe.readUInt32LE(24), rqe.readUInt32LE(28)], [64, 0x700]);
  const empty = encodeReceive({ id: 1n, sges: [] }, 5, 2);
  t.strictSame([empty.readUInt16LE(0), empty.readUInt32LE(24)], [3, 0]);
});

interface Entry {
  readonly owner: number;
  readonly opcode: number;
  readonly queue?: number;
  readonly syndrome?: number;
  readonly index?: number;
  readonly extra?: number;
}

function cqe({ owner, opcode, queue = 1, syndrome = 0, index = 3, extra = 0 }: Entry): Buffer {
  const entry = Buffer.alloc(32);
  const header = ((owner << 31) | (opcode << 16) | (queue << 8) | syndrome) >>> 0;
  for (const [at, value] of [
    [CQE.header, header],
    [CQE.index, index],
    [CQE.qpn, 9],
    [CQE.extra, extra],
    [CQE.length, 72],
  ] as const) {
    entry.writeUInt32BE(value, at);
  }
  return entry;
}

t.test('a completion tells the request, the queue and the round', async (t) => {
  const entry = cqe({ owner: 1, opcode: 5, extra: 0x04030201 });
  t.equal(isNew(entry.readUInt32LE(0), 0), true);
  t.equal(isNew(entry.readUInt32LE(0), 1), false);
  t.equal(isNew(0, 0), false, 'memory that was never written');
  t.strictSame(requestOf(entry), { qpn: 9, isSend: false, index: 3 });
  t.match(decodeCompletion(entry, 12n), {
    id: 12n,
    status: 'success',
    opcode: 'receive-rdma-immediate',
    length: 72,
    qpn: 9,
    immediate: 0x01020304,
    hasImmediate: true,
    invalidatedRkey: 0,
  });
  t.match(decodeCompletion(cqe({ owner: 1, opcode: 6, extra: 0x500 }), 1n), {
    opcode: 'receive',
    invalidatedRkey: 0x500,
    hasImmediate: false,
  });
});

t.test('statuses are words, with the number of the vendor', async (t) => {
  for (const [syndrome, status, vendorError] of [
    [4, 'remote-access-error', 3],
    [8, 'local-qp-operation-error', 0x20],
    [12, 'local-access-error', 0x32],
    [15, 'flushed', 0],
    [16, 'retry-exceeded', 0],
    [17, 'general-error', 0],
  ] as const) {
    const seen = decodeCompletion(cqe({ owner: 1, opcode: 2, queue: 0, syndrome }), 1n);
    t.match(seen, { status, vendorError, opcode: '' }, `${syndrome}`);
  }
});

t.test('a CQ gives what its rings were asked, and forgets a QP that was reset', async (t) => {
  const memory = memoryOf(cqBytes({ entries: 2 }));
  const object = rdmaObject('cq', 5);
  const response = h.erdma_uresp_create_cq.make({ cq_id: 7, num_cqe: 2 });
  const want = { entries: 2 };
  const made = { fd: -1, object, want, response, contextAnswer: NOTHING, memory };
  const opened = openCq(made);
  if (!opened.ok) throw new Error(opened.call);
  const queue = opened.value;
  const rings = memoryOf(4096);
  const send = ringIn(rings, 0);
  const receive = ringIn(rings, 128);
  completionQueue(object)?.attach(9, { send, receive });
  receive.put(40n, Buffer.alloc(32));
  receive.put(41n, Buffer.alloc(32));
  send.put(50n, Buffer.alloc(64));
  memory.write(ringsAt(), cqe({ owner: 1, opcode: 4, index: 0 }));
  memory.write(ringsAt() + 32, cqe({ owner: 1, opcode: 2, queue: 0, index: 0 }));
  const ids = () => queue.poll(8).map(({ id }) => id);
  t.strictSame(ids(), [40n, 50n]);
  t.strictSame(ids(), [], 'entries of the round before are not new');
  memory.write(ringsAt(), cqe({ owner: 0, opcode: 4, index: 1 }));
  completionQueue(object)?.forget(8);
  t.strictSame(ids(), [41n], 'what is of another QP stays');
  memory.write(ringsAt() + 32, cqe({ owner: 0, opcode: 4, index: 1 }));
  completionQueue(object)?.forget(9);
  t.strictSame(ids(), []);
  t.equal(queue.arm?.(false), E.EOPNOTSUPP, 'the doorbells of this context are not known');
  queue.close();
  rings.unmap();
});

t.test('a CQ is armed with its number and how far it was polled', async (t) => {
  const word = packed(CQ_DOORBELL, {
    consumed: 0x1_000_005,
    events: 6,
    solicitedOnly: true,
    arm: true,
    cqn: 0x1234,
    armings: 0x1ff,
  });
  t.equal(word, 0xff_001234_e000_0005n, 'each field keeps to its bits');
});

t.test('each queue has its doorbell in the page, until numbers come again', async (t) => {
  t.strictSame([placeOf('sdb', 33), placeOf('rdb', 130), placeOf('cdb', 513)], [128, 64, 8]);
});

t.test('datagrams and iWARP are told as missing', async (t) => {
  const refused = { ok: false, errno: E.EOPNOTSUPP, call: 'CREATE_AH by write (…)' };
  const verbs = {
    create: (kind: string) => (kind === 'ah' ? refused : { ok: true, value: rdmaObject('pd', 1) }),
    destroy: () => refused,
  };
  const missing = (facts: object) => Object.keys(erdma.probe?.(verbs as never, { ...facts }) ?? {});
  t.equal(missing({ maxPkeys: 1 }).includes('qp-ud'), true);
  t.equal(missing({ maxPkeys: 1 }).includes('datagram-header'), true);
  t.equal(missing({ maxPkeys: 1 }).includes('rdma-jobs'), false);
  t.equal(missing({ maxPkeys: 0 }).includes('rdma-jobs'), true);
});
