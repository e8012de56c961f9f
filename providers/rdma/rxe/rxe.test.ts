import t from 'tap';
import { E } from '../../../uapi/errno.ts';
import { rxe_recv_wqe, rxe_send_wqe, rxe_sge } from '../../../uapi/headers/rdma/rdma-user-rxe.ts';
import { rdmaObject } from '../context.ts';
import type { SendRequest, Sge } from '../driver.ts';
import { type Element, element } from './element.ts';
import { encodeReceive } from './receive.ts';
import { freeSlots, slotAfter, usedSlots } from './ring.ts';
import { encodeSend, type SendLimits } from './send.ts';

const LIMITS: SendLimits = { maxSge: 2, inline: 32, datagram: false };
const SGES: readonly Sge[] = [
  { address: 0x1000n, length: 100, lkey: 7 },
  { address: 0x2000n, length: 28, lkey: 8 },
];
const HEAD = rxe_send_wqe.size;

/** An element full of what an older request left in it. */
function used(): Element {
  const old = element(512);
  old.bytes.fill(0xff);
  return old;
}

t.test('a ring keeps one slot empty, and its indices wrap', async (t) => {
  for (const [producer, consumer, inUse, room] of [
    [0, 0, 0, 7],
    [3, 1, 2, 5],
    [1, 3, 6, 1],
    [2, 3, 7, 0],
    [7, 7, 0, 7],
  ] as const) {
    t.equal(usedSlots(producer, consumer, 7), inUse, `used ${producer} ${consumer}`);
    t.equal(freeSlots(producer, consumer, 7), room, `free ${producer} ${consumer}`);
  }
  t.equal(slotAfter(6, 3, 7), 1);
});

t.test(
  'a send element is what the kernel reads, with nothing left of the one before',
  async (t) => {
    const wqe = used();
    const request: SendRequest = {
      id: 0x1122334455667788n,
      opcode: 'rdma-write-immediate',
      sges: SGES,
      signaled: true,
      fence: true,
      immediate: 0x01020304,
      remoteAddress: 0x7000n,
      rkey: 0xfffffff0,
    };
    t.equal(encodeSend(wqe, request, LIMITS, 5), HEAD + 2 * rxe_sge.size);
    const seen = rxe_send_wqe.decode(wqe.bytes);
    t.equal(seen.wr.wr_id, request.id);
    t.equal(seen.wr.opcode, 1);
    t.equal(seen.wr.send_flags, 3);
    t.equal(wqe.bytes.readUInt32BE(20), 0x01020304, 'immediate data is big-endian');
    t.equal(seen.wr.wr.rdma.remote_addr, 0x7000n);
    t.equal(seen.wr.wr.rdma.rkey, 0xfffffff0);
    t.equal(seen.iova, 0x7000n);
    t.equal(seen.ssn, 5);
    t.match(seen, { status: 0, state: 0, mask: 0, first_psn: 0, has_rd_atomic: 0 });
    t.match(seen.dma, { length: 128, resid: 128, cur_sge: 0, num_sge: 2, sge_offset: 0 });
    t.strictSame(rxe_sge.decode(wqe.bytes.subarray(HEAD + 16)), {
      addr: 0x2000n,
      length: 28,
      lkey: 8,
    });
  },
);

const mw = rdmaObject('mw', 1, { rkey: 0x500 });
const mr = rdmaObject('mr', 2, { lkey: 0x600 });
const ah = rdmaObject('ah', 3, { number: 9 });
const place = { remoteAddress: 0x40n, rkey: 6 };

const KINDS: readonly {
  readonly name: string;
  readonly request: Omit<SendRequest, 'id'>;
  readonly datagram?: boolean;
  readonly wr: object;
}[] = [
  {
    name: 'compare-swap',
    request: { opcode: 'compare-swap', sges: [], ...place, compareAdd: 3n, swap: 4n },
    wr: { atomic: { remote_addr: 0x40n, compare_add: 3n, swap: 4n, rkey: 6 } },
  },
  {
    name: 'flush',
    request: { opcode: 'flush', sges: [], ...place, flush: { length: 64, type: 2, level: 1 } },
    wr: { flush: { remote_addr: 0x40n, length: 64, rkey: 6, type: 2, level: 1 } },
  },
  {
    name: 'a flush of as much as its SGEs name',
    request: { opcode: 'flush', sges: SGES, ...place },
    wr: { flush: { length: 128, type: 1, level: 0 } },
  },
  {
    name: 'bind-mw',
    request: {
      opcode: 'bind-mw',
      sges: [],
      bind: { mw, mr, newRkey: 0x501, address: 0x10n, length: 0x20n, access: 2 },
    },
    wr: {
      mw: { addr: 0x10n, length: 0x20n, mr_lkey: 0x600, mw_rkey: 0x500, rkey: 0x501, access: 2 },
    },
  },
  {
    name: 'a datagram goes by the number of its AH',
    request: { opcode: 'send', sges: [], ah, remoteQpn: 17, remoteQkey: 0x80000001 },
    datagram: true,
    wr: { ud: { remote_qpn: 17, remote_qkey: 0x80000001, ah_num: 9 } },
  },
];

t.test('each kind of job fills its part of the union', async (t) => {
  for (const { name, request, datagram = false, wr } of KINDS) {
    const wqe = used();
    t.ok(encodeSend(wqe, { id: 1n, ...request }, { ...LIMITS, datagram }, 0) >= HEAD, name);
    t.match(rxe_send_wqe.decode(wqe.bytes).wr.wr, wr, name);
  }
});

t.test('inline data lies in the element, and names no memory', async (t) => {
  const wqe = used();
  const inline = Buffer.from('data');
  const request: SendRequest = { id: 1n, opcode: 'send', sges: [], inline };
  t.equal(encodeSend(wqe, request, LIMITS, 0), HEAD + 4);
  t.equal(wqe.bytes.toString('latin1', HEAD, HEAD + 4), 'data');
  t.match(rxe_send_wqe.decode(wqe.bytes), {
    wr: { send_flags: 8 },
    dma: { length: 4, num_sge: 0 },
  });
});

t.test('what does not fit is refused', async (t) => {
  const big = Buffer.alloc(33);
  for (const request of [
    { opcode: 'send', sges: [...SGES, ...SGES] },
    { opcode: 'send', sges: [], inline: big },
    { opcode: 'atomic-write', sges: SGES },
    { opcode: 'atomic-write', sges: [], inline: Buffer.alloc(4) },
  ] as const) {
    t.equal(encodeSend(used(), { id: 1n, ...request }, LIMITS, 0), -E.EINVAL, request.opcode);
  }
  t.equal(encodeReceive(used(), { id: 1n, sges: SGES }, 1), E.EINVAL);
});

t.test('a receive element has its SGEs behind it', async (t) => {
  const wqe = used();
  t.equal(encodeReceive(wqe, { id: 9n, sges: SGES }, 2), 0);
  t.match(rxe_recv_wqe.decode(wqe.bytes), {
    wr_id: 9n,
    dma: { length: 128, resid: 128, num_sge: 2 },
  });
  t.equal(rxe_sge.get(wqe.bytes.subarray(rxe_recv_wqe.size), 'addr'), 0x1000n);
});
