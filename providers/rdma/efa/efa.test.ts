import t from 'tap';
import { MAP_ANONYMOUS, MAP_SHARED } from '../../../uapi/constants.ts';
import {
  EFA_QP_DRIVER_TYPE_SRD,
  efa_ibv_alloc_ucontext_resp,
  efa_ibv_create_cq_resp,
  efa_ibv_create_qp,
} from '../../../uapi/headers/rdma/efa-abi.ts';
import { ib_uverbs_buffer_desc } from '../../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import { Mapping } from '../../../uapi/mapping.ts';
import type { SendRequest } from '../driver.ts';
import { decodeCompletion, isNew, queueOf } from './cdesc.ts';
import { openCq } from './completion.ts';
import { openGivenRing } from './given-ring.ts';
import * as io from './io-defs.ts';
import { efa } from './part.ts';
import { encodeReceive } from './receive.ts';
import { RequestIds } from './request-ids.ts';
import { encodeSend } from './send.ts';
import { receiveSlots, ringSizes, slotsFor } from './sizes.ts';

const SGES = [{ address: 0x7f00_1234_5678n, length: 64, lkey: 0x12_3456 }];
const AH = { kind: 'ah', handle: 3, fields: { number: 9 } } as const;

const request = (more: Partial<SendRequest> = {}): SendRequest => ({
  id: 7n,
  opcode: 'send',
  sges: SGES,
  ah: AH,
  remoteQpn: 0x1234,
  remoteQkey: 0x1111_1111,
  ...more,
});

t.test('rings have a power of two entries', async (t) => {
  for (const [count, slots] of [
    [0, 0],
    [1, 1],
    [3, 4],
    [64, 64],
    [65, 128],
    [0xffff_ffff, 0xffff_ffff],
  ] as const) {
    t.equal(slotsFor(count), slots, `${count}`);
  }
  const want = { type: 'driver', sendWr: 8, receiveWr: 4, receiveSge: 2 } as const;
  t.strictSame(ringSizes(want), { sendBytes: 512, receiveBytes: 128 });
  t.equal(receiveSlots(want), 8, 'an entry for each piece');
  t.equal(receiveSlots({ ...want, receiveWr: 0 }), 0);
});

t.test('a send is told with its pieces, its destination and its phase', async (t) => {
  const wqe = io.efa_io_tx_wqe.decode(encodeSend(request(), 5, 1));
  t.match(wqe.meta, { req_id: 5, dest_qp_num: 0x1234, length: 1, ah: 9, qkey: 0x1111_1111 });
  t.equal(wqe.meta.ctrl1, 0x80, 'a message without immediate data');
  t.equal(wqe.meta.ctrl2, 0x1d, 'first, last, with a completion, phase 1');
  const [sge] = wqe.data.sgl;
  t.match(sge, { length: 64, lkey: 0x12_3456, buf_addr_lo: 0x1234_5678, buf_addr_hi: 0x7f00 });
});

t.test('immediate and inline data are marked', async (t) => {
  const inline = encodeSend(request({ inline: Buffer.from('abc'), immediate: 0xfeed }), 0, 0);
  const { meta } = io.efa_io_tx_wqe.decode(inline);
  t.match(meta, { length: 3, immediate_data: 0xfeed, ctrl1: 0xb0 });
  t.equal(inline.subarray(32, 35).toString(), 'abc');
});

t.test('a write names far memory and the length of the near', async (t) => {
  const wanted = request({ opcode: 'rdma-write', remoteAddress: 0x1_0000_0002n, rkey: 77 });
  const { meta, data } = io.efa_io_tx_wqe.decode(encodeSend(wanted, 0, 0));
  t.equal(meta.ctrl1, 0x80 | io.EFA_IO_RDMA_WRITE);
  t.match(data.rdma_req.remote_mem, { length: 64, rkey: 77, buf_addr_lo: 2, buf_addr_hi: 1 });
  t.match(data.rdma_req.local_mem[0], { length: 64, lkey: 0x12_3456 });
});

t.test('the first piece of a receive names it, the last ends it', async (t) => {
  const [sge] = SGES;
  if (sge === undefined) return;
  const decode = (first: boolean, last: boolean) =>
    io.efa_io_rx_desc.decode(encodeReceive(sge, 5, { isFirst: first, isLast: last }));
  t.match(decode(true, true), { req_id: 5, length: 64, lkey_ctrl: 0xc012_3456 });
  t.match(decode(true, false), { req_id: 5, lkey_ctrl: 0x4012_3456 });
  t.match(decode(false, true), { req_id: 0, lkey_ctrl: 0x8012_3456 });
});

t.test('a completion tells the request, the queue and the phase', async (t) => {
  const flags = 1 | (io.EFA_IO_RECV_QUEUE << 1) | (1 << 3) | (io.EFA_IO_RDMA_WRITE << 4);
  const entry = io.efa_io_rx_cdesc_ex.make({
    base: { common: { req_id: 3, flags, qp_num: 8 }, length: 2, src_qp_num: 6, imm: 0xabcd },
  });
  entry.writeUInt16LE(1, 16);
  t.equal(isNew(entry.readUInt32LE(0), 1), true);
  t.equal(isNew(entry.readUInt32LE(0), 0), false);
  t.match(queueOf(entry), { qpn: 8, isSend: false, request: 3, isUnsolicited: false });
  t.match(decodeCompletion(entry, 12n), {
    id: 12n,
    status: 'success',
    opcode: 'receive-rdma-immediate',
    length: 0x1_0002,
    sourceQpn: 6,
    immediate: 0xabcd,
    hasImmediate: true,
  });
  entry.writeUInt8(io.EFA_IO_COMP_STATUS_REMOTE_ERROR_RNR, 2);
  t.match(decodeCompletion(entry, 12n), { status: 'rnr-retry-exceeded', vendorError: 10 });
});

t.test('numbers of requests are used again when they were given back', async (t) => {
  const ids = new RequestIds(2);
  const first = ids.take(10n) ?? -1;
  t.equal(ids.take(11n) === first, false);
  t.equal(ids.take(12n), undefined, 'all are in use');
  t.equal(ids.give(first), 10n);
  t.equal(ids.take(13n), first);
  ids.clear();
  t.equal(ids.free, 2);
  t.throws(() => ids.give(9), /never was/);
});

t.test(
  'a CQ has as many rings as the device asks for, and an interrupt with a channel',
  async (t) => {
    const answer = efa_ibv_alloc_ucontext_resp.make({ sub_cqs_per_cq: 2 });
    const channel = { kind: 'channel', handle: 5, fields: {} } as const;
    const told = (want: object, context: Buffer) =>
      efa.driverData?.('cq', { entries: 4, ...want }, context).input.toString('hex');
    t.equal(told({}, answer), '000000002000000002000000'.padEnd(32, '0'));
    t.equal(told({ channel }, Buffer.alloc(0)), '000000002000000001000100'.padEnd(32, '0'));
  },
);

t.test('a completion counter has its counts in memory, or in a dma-buf', async (t) => {
  const successes = { address: 0x7000n, length: 8n };
  const want = { successes, errors: { ...successes, dmabuf: 5 } };
  const data = efa.driverData?.('comp-cntr', want, Buffer.alloc(0));
  const described = Object.entries(data?.attributes ?? {}).map(([name, value]) => {
    t.ok(Buffer.isBuffer(value), name);
    return [name, ib_uverbs_buffer_desc.decode(value as Buffer)];
  });
  t.match(Object.fromEntries(described), {
    EFA_IB_ATTR_CREATE_COMP_CNTR_COMP_BUFFER: { type: 1, fd: 0, addr: 0x7000n, length: 8n },
    EFA_IB_ATTR_CREATE_COMP_CNTR_ERR_BUFFER: { type: 0, fd: 5, addr: 0x7000n, length: 8n },
  });
  const none = efa.driverData?.('comp-cntr', {}, Buffer.alloc(0));
  t.strictSame(none?.attributes, {}, 'what is not given is left out');
});

t.test('the ring of a CQ in memory that was given is read there, until it is gone', async (t) => {
  const memory = Mapping.map({ fd: -1, length: 4096, flags: MAP_SHARED | MAP_ANONYMOUS });
  const opened = openGivenRing({ address: memory.address + 64n, length: 64n });
  const ring = opened.ok ? opened.value : undefined;
  memory.write(64, Buffer.from([1, 2, 3, 4, 5]));
  t.equal(ring?.loadAtomic32(0), 0x0403_0201);
  t.same(ring?.read(3, 2), Buffer.from([4, 5]));
  ring?.unmap();
  t.equal(memory.isMapped, true, 'it belongs to the caller');
  memory.unmap();
  t.throws(() => ring?.read(0, 4), /unmapped/);
});

t.test('completions are taken out of each ring of a CQ', async (t) => {
  using memory = Mapping.map({ fd: -1, length: 4096, flags: MAP_SHARED | MAP_ANONYMOUS });
  const place = { address: memory.address, length: 4096n };
  const opened = openCq({
    fd: -1,
    object: { kind: 'cq', handle: 1, fields: { entries: 2 } },
    want: { entries: 2, memory: place },
    response: efa_ibv_create_cq_resp.make(),
    contextAnswer: efa_ibv_alloc_ucontext_resp.make({ sub_cqs_per_cq: 2 }),
  });
  const put = (slot: number, qpn: number, phase: number) => {
    const common = { flags: phase | (io.EFA_IO_SEND_QUEUE << 1), qp_num: qpn };
    const entry = io.efa_io_rx_cdesc_ex.make({ base: { common } });
    memory.write(slot * entry.length, entry);
  };
  const taken = (max: number) => (opened.ok ? opened.value.poll(max) : []).map(({ qpn }) => qpn);
  put(0, 10, 1);
  put(2, 20, 1);
  put(3, 21, 1);
  t.strictSame(taken(2), [10, 20]);
  t.strictSame(taken(9), [21]);
  put(2, 22, 0);
  put(1, 11, 1);
  t.strictSame(taken(9), [11, 22], 'the second round of one ring, the first of the other');
  t.strictSame(taken(9), []);
});

t.test('a QP of UD is told no type of its own', async (t) => {
  const told = (type: 'ud' | 'driver') =>
    efa_ibv_create_qp.decode(
      efa.driverData?.('qp', { type }, Buffer.alloc(0)).input ?? Buffer.alloc(0),
    ).driver_qp_type;
  t.equal(told('ud'), 0);
  t.equal(told('driver'), EFA_QP_DRIVER_TYPE_SRD);
});
