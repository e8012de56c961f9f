import type { CallOutcome } from '../../uapi/call-outcome.ts';
import {
  IB_UVERBS_QP_CREATE_SQ_SIG_ALL,
  type IbUverbsQpCap,
  ib_uverbs_qp_cap,
} from '../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { uverbsCommands } from '../../uapi/headers/rdma/uverbs-commands.ts';
import { uverbsMethods } from '../../uapi/headers/rdma/uverbs-methods.ts';
import type { CreateRequests, How, QpType, RdmaObject } from '../contract-verbs.ts';
import { type Answer, byMethod, command, method, room } from './call.ts';
import { type Context, QpQueue, rdmaObject } from './context.ts';
import { doorbell } from './doorbell.ts';
import type { DriverData, QpQueues } from './driver.ts';
import { openQueue, withQueueMemory } from './queue-memory.ts';
import { QP_TYPES } from './words.ts';

type QpWanted = CreateRequests['qp'];

/** The members that CREATE_QP and EX_CREATE_QP have in common. */
function common(want: QpWanted) {
  const parent = want.type === 'xrc-tgt' ? want.xrcd : want.pd;
  const { sends, receives } = usualLimits(want);
  return {
    user_handle: want.userHandle ?? 0n,
    pd_handle: parent?.handle ?? 0,
    send_cq_handle: want.sendCq?.handle ?? 0,
    recv_cq_handle: want.receiveCq?.handle ?? 0,
    srq_handle: want.srq?.handle ?? 0,
    max_send_wr: want.sendWr ?? sends,
    max_recv_wr: want.receiveWr ?? receives,
    max_send_sge: want.sendSge ?? sends,
    max_recv_sge: want.receiveSge ?? receives,
    max_inline_data: want.inline ?? 0,
    sq_sig_all: want.signalAll === true ? 1 : 0,
    qp_type: want.rawType ?? QP_TYPES[want.type],
    is_srq: want.srq === undefined ? 0 : 1,
  };
}

/** One of each, but none of what the QP has elsewhere: receives in its SRQ, or in the WQs that it spreads over. */
function usualLimits({ srq, spread }: QpWanted) {
  if (spread !== undefined) return { sends: 0, receives: 0 };
  return { sends: 1, receives: srq === undefined ? 1 : 0 };
}

/** A QP that the kernel has made, whatever the form. */
interface MadeQp {
  readonly handle: number;
  readonly fields: RdmaObject['fields'];
  readonly driver: Buffer;
}

export function createQp(context: Context, asked: QpWanted, how: How): CallOutcome<RdmaObject> {
  const want = context.part.prepare?.qp?.(asked) ?? asked;
  const outcome = withQueueMemory(context, 'qp', want, (data) =>
    byMethod(how) ? qpByMethod(context, want, data) : qpByCommand(context, want, data, how),
  );
  if (!outcome.ok) return outcome;
  const { made, memory } = outcome.value;
  const { handle, fields, driver } = made;
  const type = want.rawType ?? QP_TYPES[want.type];
  const object = rdmaObject('qp', handle, { ...fields, type });
  return openQueue<'qp', QpQueues>(
    context,
    { object, want, response: driver, memory },
    context.part.queues?.openQp,
    (queues) => context.qps.add(object, new QpQueue(queues, doorbell(handle))),
  );
}

/** The method has a flag for what is a byte of the commands. */
function methodFlags({ flags, signalAll }: QpWanted): number | undefined {
  if (signalAll !== true) return flags;
  return (flags ?? 0) | IB_UVERBS_QP_CREATE_SQ_SIG_ALL;
}

function qpByMethod(context: Context, want: QpWanted, data: DriverData): CallOutcome<MadeQp> {
  const { user_handle, qp_type, sq_sig_all: _, ...members } = common(want);
  const values = {
    CREATE_QP_HANDLE: 'new' as const,
    CREATE_QP_XRCD_HANDLE: want.xrcd?.handle,
    CREATE_QP_PD_HANDLE: want.pd?.handle,
    CREATE_QP_SRQ_HANDLE: want.srq?.handle,
    CREATE_QP_SEND_CQ_HANDLE: want.sendCq?.handle,
    CREATE_QP_RECV_CQ_HANDLE: want.receiveCq?.handle,
    CREATE_QP_IND_TABLE_HANDLE: want.spread?.table.handle,
    CREATE_QP_USER_HANDLE: user_handle,
    CREATE_QP_CAP: ib_uverbs_qp_cap.make(capOf(members)),
    CREATE_QP_TYPE: qp_type,
    CREATE_QP_FLAGS: methodFlags(want),
    CREATE_QP_RESP_CAP: room(ib_uverbs_qp_cap.size),
    CREATE_QP_RESP_QP_NUM: room(4),
  };
  const answer = method(context, uverbsMethods.QP_CREATE, values, data);
  if (!answer.ok) return answer;
  const { result, driver } = answer.value;
  const cap = ib_uverbs_qp_cap.decode(result.bytes('CREATE_QP_RESP_CAP'));
  const number = Number(result.number('CREATE_QP_RESP_QP_NUM'));
  const handle = result.handle('CREATE_QP_HANDLE');
  return { ok: true, value: { handle, fields: { number, ...limitFields(cap) }, driver } };
}

function qpByCommand(
  context: Context,
  want: QpWanted,
  data: DriverData,
  how: How,
): CallOutcome<MadeQp> {
  const isPlain = want.flags === undefined && want.spread === undefined;
  const answer = (isPlain ? plainQp : extendedQp)(context, want, data, how);
  if (!answer.ok) return answer;
  const { response, driver } = answer.value;
  const made = h.ib_uverbs_create_qp_resp.decode(response);
  const fields = { number: made.qpn, ...limitFields(made) };
  return { ok: true, value: { handle: made.qp_handle, fields, driver } };
}

function capOf(cap: IbUverbsQpCap): IbUverbsQpCap {
  const { max_send_wr, max_recv_wr, max_send_sge, max_recv_sge, max_inline_data } = cap;
  return { max_send_wr, max_recv_wr, max_send_sge, max_recv_sge, max_inline_data };
}

function limitFields(cap: IbUverbsQpCap): RdmaObject['fields'] {
  return {
    sendWr: cap.max_send_wr,
    receiveWr: cap.max_recv_wr,
    sendSge: cap.max_send_sge,
    receiveSge: cap.max_recv_sge,
    inline: cap.max_inline_data,
  };
}

/** A second handle of an XRC target QP, by its number. */
export function openQp(
  context: Context,
  want: { readonly xrcd: RdmaObject; readonly qpn: number; readonly type: QpType },
  how: How,
): CallOutcome<RdmaObject> {
  const answer = command(context, {
    command: uverbsCommands.OPEN_QP,
    request: h.ib_uverbs_open_qp.make({
      pd_handle: want.xrcd.handle,
      qpn: want.qpn,
      qp_type: QP_TYPES[want.type],
    }),
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const { qp_handle, qpn } = h.ib_uverbs_create_qp_resp.decode(answer.value.response);
  return {
    ok: true,
    value: rdmaObject('qp', qp_handle, { number: qpn, type: QP_TYPES[want.type] }),
  };
}

function plainQp(
  context: Context,
  want: QpWanted,
  driver: DriverData,
  how: How,
): CallOutcome<Answer> {
  return command(context, {
    command: uverbsCommands.CREATE_QP,
    request: h.ib_uverbs_create_qp.make(common(want)),
    driver,
    abi: how.abi,
  });
}

/** With flags, or a table of WQs. */
function extendedQp(
  context: Context,
  want: QpWanted,
  driver: DriverData,
  how: How,
): CallOutcome<Answer> {
  return command(context, {
    command: uverbsCommands.EX_CREATE_QP,
    request: h.ib_uverbs_ex_create_qp.make({
      ...common(want),
      create_flags: want.flags ?? 0,
      comp_mask: want.spread === undefined ? 0 : h.IB_UVERBS_CREATE_QP_MASK_IND_TABLE,
      rwq_ind_tbl_handle: want.spread?.table.handle ?? 0,
    }),
    driver,
    abi: how.abi,
  });
}
