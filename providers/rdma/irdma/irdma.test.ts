import t from 'tap';
import * as h from '../../../uapi/headers/rdma/irdma-abi.ts';
import { pageSize } from '../../../uapi/sys-memory.ts';
import { irdma } from './part.ts';
import { addressOfRing, addressOfShadow, registrations } from './queue-memory.ts';
import { cqBytes, qpMemoryBytes, receiveBytes, sendBytes, srqBytes } from './sizes.ts';

const NOTHING = Buffer.alloc(0);
const pd = { kind: 'pd', handle: 1, fields: {} } as const;

t.test('rings are as long as the driver reckons', async (t) => {
  // irdma_get_sqdepth(): 2^n quanta of 32 bytes for requests of one or more, and 258 that stay free.
  t.equal(sendBytes({ type: 'rc', sendWr: 1, sendSge: 1 }), 512 * 32);
  t.equal(
    sendBytes({ type: 'rc', sendWr: 64, sendSge: 3 }),
    1024 * 32,
    'immediate data is a piece',
  );
  t.equal(sendBytes({ type: 'rc', sendWr: 200, sendSge: 1, inline: 100 }), 2048 * 32);
  t.equal(receiveBytes({ type: 'rc', receiveWr: 1 }), 32 * 32, 'sixteen, and one that stays free');
  t.equal(srqBytes({ pd, maxWr: 100, maxSge: 2 }), 256 * 32);
  t.equal(cqBytes({ entries: 1 }), 4 * 64);
});

t.test('what no queue holds has the memory of the smallest', async (t) => {
  t.equal(cqBytes({ entries: 2 ** 32 - 1 }), 4 * 64);
  t.equal(sendBytes({ type: 'rc', sendWr: 2 ** 32 - 1 }), 512 * 32);
  t.equal(srqBytes({ pd, maxWr: 2 ** 31, maxSge: 1 }), 32);
});

t.test('a QP is one region: sends, receives, shadow', async (t) => {
  const want = { type: 'rc', sendWr: 1, receiveWr: 1 } as const;
  const memory = irdma.queueMemory?.qp?.(want, NOTHING);
  if (memory?.ok !== true) throw new Error('no memory');
  const [region, ...others] = registrations('qp', want, memory.value);
  t.same(others, []);
  t.equal(region?.start, addressOfRing(memory.value));
  t.equal(region?.length, qpMemoryBytes(want));
  const told = h.irdma_mem_reg_req.decode(region?.input ?? NOTHING);
  t.same(told, { reg_type: h.IRDMA_MEMREG_TYPE_QP, cq_pages: 0, rq_pages: 1, sq_pages: 4 });
  const data = irdma.driverData?.('qp', want, NOTHING, memory.value);
  const named = h.irdma_create_qp_req.get(data?.input ?? NOTHING, 'user_wqe_bufs');
  t.equal(named, region?.start, 'the driver finds it by its address');
  memory.value.unmap();
});

t.test('a CQ is two: its ring and its shadow', async (t) => {
  const want = { entries: 100 };
  const memory = irdma.queueMemory?.cq?.(want, NOTHING);
  if (memory?.ok !== true) throw new Error('no memory');
  const [ring, shadow] = registrations('cq', want, memory.value);
  t.equal(ring?.length, 2 * pageSize());
  t.equal(shadow?.length, pageSize());
  const { input } = irdma.driverData?.('cq', want, NOTHING, memory.value) ?? { input: NOTHING };
  t.same(h.irdma_create_cq_req.decode(input), {
    user_cq_buf: ring?.start,
    user_shadow_area: addressOfShadow(memory.value),
  });
  memory.value.unmap();
});
