import type { CallOutcome } from '../../uapi/call-outcome.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import type { CreateRequests, How, RdmaObject } from '../contract-verbs.ts';
import { type Answer, command } from './call.ts';
import { type Context, QpQueue, rdmaObject } from './context.ts';
import { doorbell } from './doorbell.ts';
import { NO_DRIVER_DATA } from './driver.ts';
import { QP_TYPES } from './words.ts';

type QpWanted = CreateRequests['qp'];

/** The members that CREATE_QP and EX_CREATE_QP have in common. */
function common(want: QpWanted) {
  const parent = want.type === 'xrc-tgt' ? want.xrcd : want.pd;
  return {
    user_handle: want.userHandle ?? 0n,
    pd_handle: parent?.handle ?? 0,
    send_cq_handle: want.sendCq?.handle ?? 0,
    recv_cq_handle: want.receiveCq?.handle ?? 0,
    srq_handle: want.srq?.handle ?? 0,
    max_send_wr: want.sendWr ?? 1,
    max_recv_wr: want.receiveWr ?? (want.srq === undefined ? 1 : 0),
    max_send_sge: want.sendSge ?? 1,
    max_recv_sge: want.receiveSge ?? (want.srq === undefined ? 1 : 0),
    max_inline_data: want.inline ?? 0,
    sq_sig_all: want.signalAll === true ? 1 : 0,
    qp_type: want.rawType ?? QP_TYPES[want.type],
    is_srq: want.srq === undefined ? 0 : 1,
  };
}

export function createQp(context: Context, want: QpWanted, how: How): CallOutcome<RdmaObject> {
  const answer =
    want.flags === undefined ? plainQp(context, want, how) : flaggedQp(context, want, how);
  if (!answer.ok) return answer;
  const made = h.ib_uverbs_create_qp_resp.decode(answer.value.response);
  const object = rdmaObject('qp', made.qp_handle, {
    number: made.qpn,
    type: want.rawType ?? QP_TYPES[want.type],
    sendWr: made.max_send_wr,
    receiveWr: made.max_recv_wr,
    sendSge: made.max_send_sge,
    receiveSge: made.max_recv_sge,
    inline: made.max_inline_data,
  });
  const { fd } = context;
  const queues = context.part.queues?.openQp({ fd, object, want, response: answer.value.driver });
  if (queues === undefined) return { ok: true, value: object };
  if (!queues.ok) return queues;
  context.qps.add(object, new QpQueue(queues.value, doorbell(object.handle)));
  return { ok: true, value: object };
}

function plainQp(context: Context, want: QpWanted, how: How): CallOutcome<Answer> {
  return command(context, {
    name: 'CREATE_QP',
    id: h.IB_USER_VERBS_CMD_CREATE_QP,
    request: h.ib_uverbs_create_qp.make(common(want)),
    responseSize: h.ib_uverbs_create_qp_resp.size,
    driver: context.part.driverData?.('qp', want) ?? NO_DRIVER_DATA,
    abi: how.abi,
  });
}

function flaggedQp(context: Context, want: QpWanted, how: How): CallOutcome<Answer> {
  return command(context, {
    name: 'EX_CREATE_QP',
    id: h.IB_USER_VERBS_CMD_CREATE_QP,
    extended: true,
    request: h.ib_uverbs_ex_create_qp.make({ ...common(want), create_flags: want.flags ?? 0 }),
    responseSize: h.ib_uverbs_ex_create_qp_resp.size,
    driver: context.part.driverData?.('qp', want) ?? NO_DRIVER_DATA,
    abi: how.abi,
  });
}
