import t from 'tap';
import { E } from '../../../uapi/errno.ts';
import * as h from '../../../uapi/headers/rdma/mlx5-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { pageSize } from '../../../uapi/sys-memory.ts';
import { rdmaObject } from '../context.ts';
import type { CreateRequests, SendRequest } from '../driver.ts';
import { ringMemory, ringsAt } from '../ring-memory.ts';
import { WorkRing } from '../work-ring.ts';
import { addressFields } from './datagram.ts';
import { CONTROL_FLAG, NO_MORE_PIECES } from './formats.ts';
import { mlx5 } from './part.ts';
import { receiveOf } from './pieces.ts';
import { encodeSend, fenceAfter, postSend } from './send.ts';
import { cqBytes, cqEntries, qpShape, srqSlots, wqSlots } from './sizes.ts';

const NOTHING = Buffer.alloc(0);
const ANSWER = h.mlx5_ib_alloc_ucontext_resp.make({
  max_sq_desc_sz: 512,
  max_rq_desc_sz: 256,
  max_send_wqebb: 1024,
  max_recv_wr: 1024,
  max_srq_recv_wr: 1024,
  cqe_version: 1,
});
const LIMITS = {
  type: 'rc',
  qpn: 0x12345,
  maxSge: 2,
  inline: 96,
  signalAll: false,
  headerBytes: 0,
};
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

function encode(request: Omit<SendRequest, 'id'>, more: object = {}, index = 0): Buffer {
  return encodeSend({ id: 1n, ...request }, { ...LIMITS, ...more }, index, 0);
}

/** The fields of the control segment. */
function controlOf(wqe: Buffer) {
  const index = wqe.readUInt32BE(0);
  const parts = wqe.readUInt32BE(4);
  return {
    index: (index >>> 8) & 0xffff,
    opcode: index & 0xff,
    qpn: parts >>> 8,
    parts: parts & 0x3f,
    flags: wqe.readUInt8(11),
    extra: wqe.readUInt32BE(12),
  };
}

function pieceAt(wqe: Buffer, at: number) {
  return [wqe.readUInt32BE(at), wqe.readUInt32BE(at + 4), wqe.readBigUInt64BE(at + 8)];
}

t.test('a CQ has a power of two entries, one more than asked for', async (t) => {
  for (const [asked, made] of [
    [1, 2],
    [3, 4],
    [4, 8],
  ] as const) {
    t.equal(cqEntries(asked), made, `${asked}`);
  }
  t.equal(cqBytes(0xffff_ffff), 0, 'what no CQ holds');
});

t.test(
  'a QP is as large as its wishes, and what no device has is refused by the driver',
  async (t) => {
    const shape = (want: CreateRequests['qp']) => {
      const { receives, sendBlocks } = qpShape(want, ANSWER);
      return [receives.count, receives.shift, sendBlocks];
    };
    t.strictSame(shape({ type: 'rc' }), [4, 4, 4], 'a block of receives, and a change of a key');
    t.strictSame(shape({ type: 'rc', receiveWr: 5, receiveSge: 3 }), [8, 6, 4]);
    t.strictSame(shape({ type: 'ud', sendWr: 4, sendSge: 4 }), [4, 4, 8]);
    t.strictSame(shape({ type: 'xrc-ini' }), [0, 0, 4]);
    t.strictSame(shape({ type: 'xrc-tgt' }), [0, 0, 0]);
    t.strictSame(shape({ type: 'rc', srq: rdmaObject('srq', 1), sendWr: 0 }), [0, 0, 0]);
    t.strictSame(shape({ type: 'rc', sendWr: 1024 }), [4, 4, 1024], 'the longest that there is');
    t.strictSame(shape({ type: 'rc', sendWr: 1025 }), [4, 4, 0xffff_ffff]);
    t.strictSame(shape({ type: 'rc', sendSge: 32 }), [4, 4, 0xffff_ffff]);
    t.strictSame(shape({ type: 'rc', receiveSge: 17 }), [0, 32, 4]);
    t.strictSame(shape({ type: 'rc', receiveWr: 1025 }), [1, 4, 4], 'the number itself is refused');
  },
);

t.test(
  'slots of SRQs have a link before their pieces, and those of work queues none',
  async (t) => {
    const pd = rdmaObject('pd', 1);
    t.strictSame(srqSlots({ pd, maxWr: 4, maxSge: 1 }, ANSWER), { count: 8, shift: 5 });
    t.strictSame(srqSlots({ pd, maxWr: 3, maxSge: 2 }, ANSWER), { count: 4, shift: 6 });
    t.strictSame(srqSlots({ pd, maxWr: 1024, maxSge: 1 }, ANSWER), { count: 0, shift: 0 });
    const cq = rdmaObject('cq', 1);
    t.strictSame(wqSlots({ pd, cq, maxWr: 8, maxSge: 2 }, ANSWER), { count: 8, shift: 5 });
  },
);

t.test('the driver is told of the rings, of the record and of an index', async (t) => {
  const want = { type: 'rc' } as const;
  const tell = (answer: Buffer) => {
    const made = mlx5.queueMemory?.qp?.(want, answer);
    if (made?.ok !== true) throw new Error('no memory');
    const data = mlx5.driverData?.('qp', want, answer, made.value);
    const told = h.mlx5_ib_create_qp.decode(data?.input ?? NOTHING);
    t.equal(told.db_addr, made.value.address);
    t.equal(told.buf_addr, made.value.address + BigInt(ringsAt()));
    made.value.unmap();
    return told;
  };
  const first = tell(ANSWER);
  t.match(first, { sq_wqe_count: 4, rq_wqe_count: 4, rq_wqe_shift: 4, flags: 0 });
  t.equal(tell(ANSWER).uidx, first.uidx + 1, 'each queue has its own');
  const old = h.mlx5_ib_alloc_ucontext_resp.make({ max_sq_desc_sz: 512, cqe_version: 0 });
  t.equal(tell(old).uidx, 0xffffff, 'the first version has none');
});

t.test('memory of a CQ says that the device has written nothing', async (t) => {
  const made = mlx5.queueMemory?.cq?.({ entries: 3 }, ANSWER);
  if (made?.ok !== true) throw new Error('no memory');
  t.equal(made.value.readU8(ringsAt() + 63), 0xf0);
  t.equal(made.value.readU8(ringsAt() + 4 * 64 - 1), 0xf0);
  made.value.unmap();
});

t.test('the control segment tells the kind, the index, the parts and what is wished', async (t) => {
  const send = encode({ opcode: 'send', sges: SGES, signaled: true, fence: true }, {}, 0x1ffff);
  t.strictSame(controlOf(send), {
    index: 0xffff,
    opcode: 0x0a,
    qpn: 0x12345,
    parts: 3,
    flags: 0x88,
    extra: 0,
  });
  t.equal(send.length, 64);
  t.strictSame(pieceAt(send, 16), [64, 0x700, 0x7f00_1234_5678n]);
  t.strictSame(pieceAt(send, 32), [8, 0x800, 0x2000n]);
  t.match(controlOf(encode({ opcode: 'send', sges: [] }, { signalAll: true })), { flags: 8 });
  t.match(controlOf(encode({ opcode: 'send', sges: [], solicited: true })), { flags: 2, parts: 1 });
});

t.test('immediate data and keys stand in the control segment', async (t) => {
  const immediate = encode({ opcode: 'send-immediate', sges: [], immediate: 0x01020304 });
  t.match(controlOf(immediate), { opcode: 0x0b, extra: 0x01020304 });
  const key = encode({ opcode: 'send-invalidate', sges: [], invalidateRkey: 0x500 });
  t.match(controlOf(key), { opcode: 0x01, extra: 0x500 });
});

t.test('far memory comes before the pieces, and pieces of nothing are left out', async (t) => {
  const sges = [{ address: 1n, length: 0, lkey: 1 }, ...SGES.slice(0, 1)];
  for (const [opcode, code] of [
    ['rdma-write', 0x08],
    ['rdma-write-immediate', 0x09],
    ['rdma-read', 0x10],
  ] as const) {
    const wqe = encode({ opcode, sges, ...FAR });
    t.match(controlOf(wqe), { opcode: code, parts: 3 });
    t.strictSame([wqe.readBigUInt64BE(16), wqe.readUInt32BE(24)], [0x1_0000_0002n, 0x900]);
    t.strictSame(pieceAt(wqe, 32), [64, 0x700, 0x7f00_1234_5678n]);
  }
});

t.test('atomic operations have their operands behind far memory', async (t) => {
  const sges = [{ address: 0x3000n, length: 64, lkey: 0xa00 }];
  const swap = encode({ opcode: 'compare-swap', sges, ...FAR, compareAdd: 5n, swap: 6n });
  t.match(controlOf(swap), { opcode: 0x11, parts: 4 });
  t.strictSame([swap.readBigUInt64BE(32), swap.readBigUInt64BE(40)], [6n, 5n]);
  t.strictSame(pieceAt(swap, 48), [64, 0xa00, 0x3000n]);
  const add = encode({ opcode: 'fetch-add', sges, ...FAR, compareAdd: -1n });
  t.match(controlOf(add), { opcode: 0x12 });
  t.strictSame([add.readBigUInt64BE(32), add.readBigUInt64BE(40)], [0xffff_ffff_ffff_ffffn, 0n]);
});

t.test('inline data lies where the pieces would, behind its length', async (t) => {
  const inline = Buffer.alloc(96, 'x');
  const send = encode({ opcode: 'send', sges: [], inline });
  t.match(controlOf(send), { parts: 8 });
  t.equal(send.length, 128);
  t.equal(send.readUInt32BE(16), 0x80000060);
  t.equal(send.subarray(20, 116).equals(inline), true);
  t.match(controlOf(encode({ opcode: 'send', sges: [], inline: NOTHING })), { parts: 1 });
});

t.test('XRC names the far SRQ first', async (t) => {
  const request = { opcode: 'rdma-write', sges: [], ...FAR, remoteSrqn: 0x77 } as const;
  const wqe = encode(request, { type: 'xrc-ini' });
  t.match(controlOf(wqe), { parts: 3 });
  t.strictSame([wqe.readUInt32BE(16), wqe.readBigUInt64BE(32)], [0x77, 0x1_0000_0002n]);
});

t.test('a datagram carries the whole address', async (t) => {
  const to = { gid: '::ffff:198.18.0.2', lid: 7, gidIndex: 3, port: 1 };
  const response = h.mlx5_ib_create_ah_resp.make({ dmac: [2, 0, 0, 0, 0, 9] });
  const address = addressFields(response, { pd: rdmaObject('pd', 1), to });
  const request = { opcode: 'send', sges: SGES, remoteQpn: 0x99, remoteQkey: 0x11111111 } as const;
  const wqe = encode({ ...request, ah: rdmaObject('ah', 1, address) }, { type: 'ud' });
  t.match(controlOf(wqe), { parts: 6 });
  t.strictSame([wqe.readUInt32BE(16), wqe.readUInt32BE(24)], [0x11111111, 0x80000099]);
  t.equal(wqe.readUInt16BE(30), 0xc000, 'the port that it comes from');
  t.equal(wqe.toString('hex', 36, 42), '020000000009');
  t.strictSame([wqe.readUInt8(43), wqe.readUInt32BE(44)], [64, 3 << 20]);
  t.equal(wqe.toString('hex', 48, 64), '00000000000000000000ffffc6120002');
  t.strictSame(pieceAt(wqe, 64), [64, 0x700, 0x7f00_1234_5678n]);
  const lan = addressFields(h.mlx5_ib_create_ah_resp.make(), { pd: rdmaObject('pd', 1), to });
  const other = encode({ ...request, ah: rdmaObject('ah', 1, lan) }, { type: 'ud' });
  t.strictSame([other.readUInt16BE(30), other.readUInt32BE(44)], [7, 0x40300000], 'InfiniBand');
});

t.test('a window is bound by a change of its key', async (t) => {
  const bindOf = (type: number, length = 0x200n) => ({
    mw: rdmaObject('mw', 1, { rkey: 0x500, type }),
    mr: rdmaObject('mr', 1, { lkey: 0x600 }),
    newRkey: 0x501,
    address: 0x7000n,
    length,
    access: 2 | 4,
  });
  const wqe = encode({ opcode: 'bind-mw', sges: [], bind: bindOf(2) });
  t.match(controlOf(wqe), { opcode: 0x25, parts: 12, extra: 0x500 });
  t.equal(wqe.length, 192);
  t.strictSame([wqe.readUInt8(16), wqe.readUInt16BE(20)], [0xb0, 4]);
  t.equal(wqe.readBigUInt64BE(24), 0x203c6041n);
  t.strictSame([wqe.readUInt8(64), wqe.readUInt8(66)], [0, 0x30]);
  t.equal(wqe.readUInt32BE(68), 0x1234501, 'its QP and the byte of ours');
  t.strictSame([wqe.readBigUInt64BE(80), wqe.readBigUInt64BE(88)], [0x7000n, 0x200n]);
  t.strictSame(pieceAt(wqe, 128), [0x200, 0x600, 0x7000n]);
  const any = encode({ opcode: 'bind-mw', sges: [], bind: bindOf(1) });
  t.strictSame([any.readUInt8(16), any.readUInt32BE(68)], [0x90, 0xffffff01]);
  const none = encode({ opcode: 'bind-mw', sges: [], bind: bindOf(1, 0n) });
  t.match(controlOf(none), { parts: 8 });
  t.equal(none.readUInt8(64), 0x40, 'free');
});

t.test('a key is invalidated by setting it free', async (t) => {
  const request = { opcode: 'local-invalidate', sges: [], invalidateRkey: 0x501 } as const;
  const wqe = encode(request);
  t.match(controlOf(wqe), { opcode: 0x25, parts: 8, extra: 0x501 });
  t.strictSame([wqe.readUInt8(16), wqe.readBigUInt64BE(24)], [0x98, 0x20006000n]);
  t.strictSame([wqe.readUInt8(64), wqe.readUInt32BE(68)], [0x40, 0xffffff00]);
  t.equal(fenceAfter({ id: 1n, ...request }), CONTROL_FLAG.smallFence);
  t.equal(fenceAfter({ id: 1n, opcode: 'send', sges: [] }), 0);
});

t.test('what has no encoding is refused, and what finds no room', async (t) => {
  const memory = memoryOf(4096);
  const ring = new WorkRing(memory, { start: 0, slots: 4, slotBytes: 64 }, 1024);
  const post = (request: Omit<SendRequest, 'id'>, more: object = {}) =>
    postSend(ring, { id: 1n, ...request }, { ...LIMITS, ...more }, 0);
  const window = { mw: rdmaObject('mw', 1), mr: rdmaObject('mr', 1), newRkey: 1, address: 0n };
  for (const [request, type] of [
    [{ opcode: 'send', sges: [...SGES, ...SGES] }, 'rc'],
    [{ opcode: 'send', sges: [{ address: 0n, length: 0x8000_0000, lkey: 0 }] }, 'rc'],
    [{ opcode: 'send', sges: [], inline: Buffer.alloc(97) }, 'rc'],
    [{ opcode: 'rdma-read', sges: [], inline: Buffer.alloc(8) }, 'rc'],
    [{ opcode: 'flush', sges: [] }, 'rc'],
    [{ opcode: 'bind-mw', sges: [] }, 'rc'],
    [{ opcode: 'bind-mw', sges: [], bind: { ...window, length: 1n << 31n, access: 0 } }, 'rc'],
    [{ opcode: 'send', sges: SGES }, 'ud'],
    [{ opcode: 'send-immediate', sges: SGES }, 'raw-packet'],
    [{ opcode: 'rdma-write', sges: SGES, ...FAR }, 'raw-packet'],
    [{ opcode: 'send', sges: SGES }, 'driver'],
  ] as const) {
    t.equal(post(request, { type }), E.EINVAL, `${request.opcode} of ${type}`);
  }
  t.type(post({ opcode: 'local-invalidate', sges: [] }), Buffer);
  t.type(post({ opcode: 'send', sges: [], inline: Buffer.alloc(8) }), Buffer);
  t.equal(post({ opcode: 'local-invalidate', sges: [] }), E.ENOMEM, 'one block is not two');
  memory.unmap();
});

t.test('the page of device memory is a number in two parts', async (t) => {
  const answer = mlx5.driverData?.('dm', {}, NOTHING).memory ?? NOTHING;
  answer.writeBigUInt64LE(192n, 0);
  answer.writeUInt16LE(0x1234, 8);
  const { offset, start } = mlx5.fields?.('dm', answer, {}) ?? {};
  t.equal(offset, 0x12_0834n * BigInt(pageSize()), 'low byte, command, high byte');
  t.equal(start, 192);
});

t.test('a receive ends with a mark where it has fewer pieces than its slot', async (t) => {
  const two = receiveOf(SGES, 64);
  t.strictSame(pieceAt(two, 16), [8, 0x800, 0x2000n]);
  t.strictSame(pieceAt(two, 32), [0, NO_MORE_PIECES, 0n]);
  t.equal(receiveOf(SGES, 32).length, 32);
  t.strictSame(pieceAt(receiveOf([], 32, 16), 16), [0, NO_MORE_PIECES, 0n]);
});
