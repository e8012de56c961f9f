import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { E } from '../../uapi/errno.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { Context, rdmaObject } from './context.ts';
import { destroy } from './destroy.ts';
import type { Made, ReceiveQueue } from './driver.ts';
import { postReceive } from './jobs.ts';
import { partOf } from './parts.ts';
import { createQp } from './queue-pair.ts';
import { createWq } from './work-queue.ts';

const PD = rdmaObject('pd', 0x21);
const CQ = rdmaObject('cq', 0x22);
const TABLE = rdmaObject('wq-table', 0x23);
const WQ = { pd: PD, cq: CQ, maxWr: 4, maxSge: 1 };
const BY_WRITE = { abi: 'write' } as const;

/** A file takes every command, and answers nothing. */
function contextOf(folder: string, part = partOf('a driver that is not known')) {
  const path = join(folder, 'uverbs');
  const fd = openSync(path, 'w+');
  const context = new Context(fd, part, 'mlx5_0');
  const close = () => {
    context.close();
    closeSync(fd);
  };
  return { context, written: () => readFileSync(path), close };
}

/** Behind both headers. */
const HEADERS = h.ib_uverbs_cmd_hdr.size + h.ib_uverbs_ex_cmd_hdr.size;

t.test('a QP that spreads names its table, and has neither CQs nor requests', async (t) => {
  const { context, written, close } = contextOf(t.testdir());
  const spread = { table: TABLE, by: ['udp-source-port'] } as const;
  const made = createQp(context, { type: 'raw-packet', pd: PD, spread }, BY_WRITE);
  t.equal(made.ok, true);
  const request = written().subarray(HEADERS);
  t.equal(request.length, h.ib_uverbs_ex_create_qp.size, 'no data for a driver that is not known');
  t.strictSame(
    h.ib_uverbs_ex_create_qp.decode(request),
    h.ib_uverbs_ex_create_qp.decode(
      h.ib_uverbs_ex_create_qp.make({
        pd_handle: 0x21,
        qp_type: 8,
        comp_mask: h.IB_UVERBS_CREATE_QP_MASK_IND_TABLE,
        rwq_ind_tbl_handle: 0x23,
      }),
    ),
  );
  close();
});

t.test('what a QP that spreads must not have goes to the kernel as it is asked for', async (t) => {
  const { context, written, close } = contextOf(t.testdir());
  const want = { type: 'raw-packet', pd: PD, receiveCq: CQ, receiveWr: 2, flags: 2 } as const;
  createQp(context, { ...want, spread: { table: TABLE, by: [] } }, BY_WRITE);
  const told = h.ib_uverbs_ex_create_qp.decode(written().subarray(HEADERS));
  t.match(told, { recv_cq_handle: 0x22, max_recv_wr: 2, max_recv_sge: 0, create_flags: 2 });
  close();
});

t.test('receives go into the queue of a WQ as long as it exists', async (t) => {
  const events: string[] = [];
  const queue: ReceiveQueue = {
    post(requests) {
      events.push(`${requests.length} posted`);
      return { count: requests.length, errno: 0 };
    },
    close: () => void events.push('closed'),
  };
  const { queues } = partOf('mlx5');
  if (queues === undefined) throw new Error('mlx5 has no queues');
  const openWq = ({ object }: Made<'wq'>) => {
    events.push(Object.keys(object.fields).join());
    return { ok: true, value: queue } as const;
  };
  const part = { ...partOf('a driver that is not known'), queues: { ...queues, openWq } };
  const { context, close } = contextOf(t.testdir(), part);
  const made = createWq(context, WQ, BY_WRITE);
  if (!made.ok) throw new Error(made.call);
  const requests = [{ id: 1n, sges: [] }];
  t.match(postReceive(context, made.value, requests, {}), { ok: true });
  t.throws(() => postReceive(context, made.value, requests, BY_WRITE), TypeError);
  destroy(context, made.value, BY_WRITE);
  t.match(postReceive(context, made.value, requests, {}), { ok: false, errno: E.EINVAL });
  t.strictSame(events, ['number,maxWr,maxSge', '1 posted', 'closed']);
  close();
});

t.test('a WQ of a driver without jobs takes no receives', async (t) => {
  const { context, close } = contextOf(t.testdir());
  const made = createWq(context, WQ, BY_WRITE);
  if (!made.ok) throw new Error(made.call);
  const posted = postReceive(context, made.value, [{ id: 1n, sges: [] }], {});
  t.match(posted, { ok: false, errno: E.EINVAL });
  close();
});
