import t from 'tap';
import { E } from '../../../uapi/errno.ts';
import * as h from '../../../uapi/headers/rdma/erdma-abi.ts';
import { pageSize } from '../../../uapi/sys-memory.ts';
import { rdmaObject } from '../context.ts';
import type { SendRequest } from '../driver.ts';
import { ringsAt } from '../ring-memory.ts';
import { placeOf } from './doorbell.ts';
import { RQE_BYTES } from './formats.ts';
import { erdma } from './part.ts';
import { encodeReceive } from './receive.ts';
import { memoryOf, ringIn } from './sample-rings.ts';
import { encodeSend, postSend } from './send.ts';
import { cqBytes, qpBytes, slotsFor } from './sizes.ts';

const NOTHING = Buffer.alloc(0);
const LIMITS = { qpn: 0x12345, maxSge: 2, inline: 96, signalAll: false };
const SGES = [
  { address: 0x7f00_1234_5678n, length: 64, lkey: 0x700 },
  { address: 0x2000n, length: 8, lkey: 0x800 },
];
const FAR = { remoteAddress: 0x1_0000_0002n, rkey: 0x900 };

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
