import t from 'tap';
import { E } from '../../../uapi/errno.ts';
import * as h from '../../../uapi/headers/rdma/erdma-abi.ts';
import { rdmaObject } from '../context.ts';
import { ringsAt } from '../ring-memory.ts';
import { packed } from './bits.ts';
import { completionQueue, openCq } from './completion.ts';
import { decodeCompletion, isNew, requestOf } from './cqe.ts';
import { CQ_DOORBELL, CQE } from './formats.ts';
import { memoryOf, ringIn } from './sample-rings.ts';
import { cqBytes } from './sizes.ts';

const NOTHING = Buffer.alloc(0);

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
