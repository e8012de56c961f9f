import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { E } from '../../../uapi/errno.ts';
import * as h from '../../../uapi/headers/rdma/mlx5-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { rdmaObject } from '../context.ts';
import type { CreateRequests, SendRequest } from '../driver.ts';
import { ringMemory, ringsAt } from '../ring-memory.ts';
import { WorkRing } from '../work-ring.ts';
import { openCq } from './completion.ts';
import { driverData } from './driver-data.ts';
import { framed, headerBytesOf } from './frames.ts';
import { mlx5Memory } from './memory.ts';
import { openQp } from './queues.ts';
import { postSend } from './send.ts';
import { qpMemoryBytes, qpShape } from './sizes.ts';

/** Frames: QPs of raw packets, which are two rings of two names. */

function answerOf(mode: number, cqe_version = 1): Buffer {
  return h.mlx5_ib_alloc_ucontext_resp.make({
    max_sq_desc_sz: 512,
    max_rq_desc_sz: 256,
    max_send_wqebb: 1024,
    max_recv_wr: 1024,
    bf_reg_size: 512,
    eth_min_inline: mode,
    cqe_version,
  });
}

const NONE = h.MLX5_USER_INLINE_MODE_NONE;
const L2 = h.MLX5_USER_INLINE_MODE_L2;
const LIMITS = { type: 'raw-packet', qpn: 0x12345, maxSge: 3, inline: 96, signalAll: false };

function memoryOf(bytes: number): Mapping {
  const made = ringMemory(bytes);
  if (!made.ok) throw new Error(made.call);
  return made.value;
}

/** Posts into a ring of its own. */
function post(request: Omit<SendRequest, 'id' | 'opcode'>, headerBytes: number) {
  const memory = memoryOf(4096);
  const ring = new WorkRing(memory, { start: 0, slots: 8, slotBytes: 64 }, 1024);
  const limits = { ...LIMITS, headerBytes };
  const posted = postSend(ring, { id: 1n, opcode: 'send', ...request }, limits, 0);
  memory.unmap();
  if (typeof posted === 'number') throw new Error(`errno ${posted}`);
  return posted.toString('hex');
}

/** Memory with the bytes 0, 1, 2 … */
function frameMemory(): Mapping {
  const memory = memoryOf(256);
  memory.write(0, Buffer.from(Array.from({ length: 256 }, (_, i) => i)));
  return memory;
}

const address = (value: bigint) => value.toString(16).padStart(16, '0');
const ZEROES = '00'.repeat(64);

t.test('how much of a frame stands in the request is the context to say', async (t) => {
  const bytes = [0, 1, 2, 3, 4, 9].map(headerBytesOf);
  t.strictSame(bytes, [18, 0, 18, 78, 138, 18]);
});

t.test('without headers a frame is an empty segment and its pieces', async (t) => {
  const sges = [
    { address: 0x7f00_1234_5678n, length: 60, lkey: 0x700 },
    { address: 0x2000n, length: 8, lkey: 0x800 },
  ];
  const control = '0000000a012345040000000800000000';
  const pieces = '0000003c0000070000007f00123456780000000800000800'.concat(address(0x2000n));
  t.equal(post({ sges, signaled: true }, 0), control + ZEROES.slice(0, 32) + pieces);
});

t.test('headers are taken from the memory of the pieces, which begin behind them', async (t) => {
  const memory = frameMemory();
  const at = memory.address;
  const sges = [
    { address: at, length: 14, lkey: 0x700 },
    { address: at + 0x80n, length: 0, lkey: 0x800 },
    { address: at + 0x40n, length: 50, lkey: 0x900 },
  ];
  const control = '0000000a012345040000000000000000';
  const ethernet = '0000000000000000000000000012';
  const header = '000102030405060708090a0b0c0d40414243';
  const piece = `0000002e00000900${address(at + 0x44n)}`;
  const expected = control + ethernet + header + piece;
  t.equal(post({ sges }, 18), expected.padEnd(128, '0'));
  const short = post({ sges: sges.slice(0, 1) }, 18);
  const whole = '0000000a01234503'.padEnd(32, '0').concat('000000000000000000000000000e');
  t.equal(short, whole.concat(header.slice(0, 28)).padEnd(128, '0'), 'no more than there is');
  memory.unmap();
});

t.test('what cannot be read has no encoding', async (t) => {
  const memory = memoryOf(4096);
  const ring = new WorkRing(memory, { start: 0, slots: 8, slotBytes: 64 }, 1024);
  const sges = [{ address: 0x10n, length: 60, lkey: 0x700 }];
  const request = { id: 1n, opcode: 'send', sges } as const;
  t.equal(postSend(ring, request, { ...LIMITS, headerBytes: 18 }, 0), E.EINVAL);
  t.type(postSend(ring, request, { ...LIMITS, headerBytes: 0 }, 0), Buffer);
  t.equal(framed(request, 0), request);
  memory.unmap();
});

t.test('inline data goes on behind the headers that are its beginning', async (t) => {
  const inline = Buffer.from(Array.from({ length: 24 }, (_, i) => i));
  const text = inline.toString('hex');
  const long = post({ sges: [], inline }, 18);
  const control = '0000000a01234504'.padEnd(32, '0');
  const ethernet = '0000000000000000000000000012';
  const expected = `${control}${ethernet}${text.slice(0, 36)}80000006${text.slice(36)}`;
  t.equal(long, expected.padEnd(128, '0'));
  const bare = post({ sges: [], inline }, 0);
  t.equal(bare, `${control}${ZEROES.slice(0, 32)}80000018${text}`.padEnd(128, '0'));
});

t.test('the rings of frames have room for headers, and begin in pages of their own', async (t) => {
  const shape = (want: Omit<CreateRequests['qp'], 'type'>, mode: number) => {
    const { receives, sendsAt, sendBlocks } = qpShape(
      { type: 'raw-packet', ...want },
      answerOf(mode),
    );
    return [receives.count, receives.shift, sendsAt, sendBlocks];
  };
  t.strictSame(shape({}, NONE), [4, 4, 4096, 1]);
  t.strictSame(shape({ sendSge: 2 }, NONE), [4, 4, 4096, 1]);
  t.strictSame(shape({ sendSge: 3 }, NONE), [4, 4, 4096, 2]);
  t.strictSame(shape({ sendSge: 1 }, L2), [4, 4, 4096, 1]);
  t.strictSame(shape({ sendSge: 2 }, L2), [4, 4, 4096, 2]);
  t.strictSame(shape({ sendSge: 1 }, h.MLX5_USER_INLINE_MODE_TCP_UDP), [4, 4, 4096, 4]);
  t.strictSame(shape({ receiveWr: 512 }, NONE), [512, 4, 8192, 1]);
  t.strictSame(shape({ receiveWr: 0, sendWr: 3 }, NONE), [0, 0, 0, 4]);
  t.strictSame(shape({ sendWr: 0 }, NONE), [4, 4, 4096, 0]);
  const bytes = qpMemoryBytes(qpShape({ type: 'raw-packet' }, answerOf(NONE)));
  t.equal(bytes, 4096 + 64 + (4 + 1) * 16);
});

t.test('the driver is told of both rings, and that frames may come back', async (t) => {
  const want = { type: 'raw-packet' } as const;
  const memory = memoryOf(8192);
  const told = h.mlx5_ib_create_qp.decode(driverData('qp', want, answerOf(NONE), memory).input);
  const buf_addr = memory.address + BigInt(ringsAt());
  t.match(told, { buf_addr, sq_buf_addr: buf_addr + 4096n, db_addr: memory.address });
  t.match(told, { rq_wqe_count: 4, rq_wqe_shift: 4, sq_wqe_count: 1, flags: 0xc0 });
  memory.unmap();
});

interface Wanted {
  readonly version: number;
  readonly response?: Parameters<typeof h.mlx5_ib_create_qp_resp.make>[0];
  readonly qp?: Partial<CreateRequests['qp']>;
}

/** A QP of raw packets, number 9, with a CQ for both of its queues. */
function frames(folder: string, { version, response = {}, qp = {} }: Wanted) {
  const fd = openSync(join(folder, `uverbs${version}`), 'w+');
  ftruncateSync(fd, 0x304 * ringsAt());
  const contextAnswer = answerOf(NONE, version);
  const common = { fd, contextAnswer };
  const cq = rdmaObject('cq', 1);
  const ring = mlx5Memory.cq({ entries: 7 });
  if (!ring.ok) throw new Error(ring.call);
  const cqResponse = h.mlx5_ib_create_cq_resp.make({ cqn: 3 });
  const wished = { entries: 7 };
  const made = openCq({
    ...common,
    object: cq,
    want: wished,
    response: cqResponse,
    memory: ring.value,
  });
  if (!made.ok) throw new Error(made.call);
  const want: CreateRequests['qp'] = {
    type: 'raw-packet',
    sendCq: cq,
    receiveCq: cq,
    sendWr: 4,
    ...qp,
  };
  const memory = mlx5Memory.qp(want, contextAnswer);
  if (memory?.ok !== true) throw new Error('no memory');
  const object = rdmaObject('qp', 2, { number: 9, sendSge: 1, receiveSge: 1, inline: 0 });
  const answer = h.mlx5_ib_create_qp_resp.make(response);
  const opened = openQp({ ...common, object, want, response: answer, memory: memory.value });
  if (!opened.ok) throw new Error(opened.call);
  let entries = 0;
  const complete = (kind: number, numbers: { qpn: number; queue: number; index: number }) => {
    const entry = Buffer.alloc(64);
    entry.writeUInt32BE(0x1000_0055, 24);
    entry.writeUInt32BE(numbers.queue, 32);
    entry.writeUInt32BE(60, 44);
    entry.writeUInt32BE(((kind === 0 ? 0x0a00_0000 : 0) | numbers.qpn) >>> 0, 56);
    entry.writeUInt16BE(numbers.index, 60);
    entry.writeUInt8(kind << 4, 63);
    ring.value.write(ringsAt() + 64 * entries++, entry);
  };
  const close = () => {
    opened.value.send?.close();
    made.value.close();
    closeSync(fd);
  };
  const queues = opened.value;
  return { queues, cq: made.value, memory: memory.value, complete, close };
}

const SGE = { address: 0x2000n, length: 60, lkey: 0x800 };
const SEND = { opcode: 'send', sges: [SGE], signaled: true } as const;

t.test('completions find both queues by the index, whatever their numbers are', async (t) => {
  const { queues, cq, memory, complete, close } = frames(t.testdir(), { version: 1 });
  const queue = memory.readU32(64);
  queues.send?.post([{ id: 70n, ...SEND }]);
  queues.send?.post([{ id: 71n, ...SEND }]);
  queues.send?.ring?.();
  queues.receive?.post([{ id: 80n, sges: [SGE] }]);
  const words = [memory.read(4, 4).readUInt32BE(0), memory.read(0, 4).readUInt32BE(0)];
  t.strictSame(words, [2, 1], 'one record for both');
  const second = memory.read(ringsAt() + 4096 + 64, 8).toString('hex');
  t.equal(second, '0000010a00000903', 'the sends have a page of their own');
  t.equal(memory.read(ringsAt() + 8, 8).readBigUInt64BE(0), 0x2000n);
  complete(0, { qpn: 0x501, queue, index: 1 });
  complete(2, { qpn: 0x502, queue, index: 0 });
  const [sent, received] = cq.poll(8);
  t.match(sent, { id: 71n, opcode: 'send', qpn: 9 });
  t.match(received, {
    id: 80n,
    opcode: 'receive',
    length: 60,
    qpn: 9,
    sourceQpn: 0,
    hasGrh: false,
  });
  close();
});

t.test('a QP that has the number of another is not taken for it', async (t) => {
  const { queues, cq, memory, complete, close } = frames(t.testdir(), { version: 1 });
  const queue = memory.readU32(64);
  queues.receive?.post([{ id: 80n, sges: [SGE] }]);
  complete(2, { qpn: 9, queue: queue + 1, index: 0 });
  complete(2, { qpn: 0x502, queue, index: 0 });
  queues.send?.drop?.();
  const left = cq.poll(8).map(({ id, qpn }) => [id, qpn]);
  t.strictSame(left, [[0n, 9]], 'its own were dropped when it was reset');
  t.strictSame([memory.readU32(0), memory.readU32(4)], [0, 0]);
  close();
});

t.test('completions of the first version find them by number', async (t) => {
  const told = { comp_mask: h.MLX5_IB_CREATE_QP_RESP_MASK_RQN, rqn: 0x502 };
  const { queues, cq, complete, close } = frames(t.testdir(), { version: 0, response: told });
  queues.send?.post([{ id: 70n, ...SEND }]);
  queues.receive?.post([{ id: 80n, sges: [SGE] }]);
  complete(0, { qpn: 9, queue: 0, index: 0 });
  complete(2, { qpn: 0x502, queue: 0, index: 0 });
  t.match(cq.poll(8), [
    { id: 70n, qpn: 9 },
    { id: 80n, qpn: 9 },
  ]);
  close();
});

t.test('receives whose number nobody tells are not offered', async (t) => {
  const unknown = frames(t.testdir(), { version: 0 });
  t.equal(unknown.queues.receive, undefined);
  unknown.close();
  const alone = frames(t.testdir(), { version: 0, qp: { sendWr: 0 } });
  t.type(alone.queues.receive, Object, 'the number of the QP is theirs');
  alone.close();
});
