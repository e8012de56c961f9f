import { type CallOutcome, outcomeOf } from '../../uapi/call-outcome.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { tryClose } from '../../uapi/sys.ts';
import type { Facts, How, RdmaKind, RdmaObject } from '../contract-verbs.ts';
import { type CommandCall, command } from './call.ts';
import type { Context } from './context.ts';
import { factsOf } from './facts.ts';

/** What the commands that destroy are called, and what they answer. */
function destroyCommand({ kind, handle }: RdmaObject): CommandCall | undefined {
  switch (kind) {
    case 'pd':
      return {
        name: 'DEALLOC_PD',
        id: h.IB_USER_VERBS_CMD_DEALLOC_PD,
        request: h.ib_uverbs_dealloc_pd.make({ pd_handle: handle }),
      };
    case 'mr':
    case 'dmabuf-mr':
    case 'dm-mr':
      return {
        name: 'DEREG_MR',
        id: h.IB_USER_VERBS_CMD_DEREG_MR,
        request: h.ib_uverbs_dereg_mr.make({ mr_handle: handle }),
      };
    case 'mw':
      return {
        name: 'DEALLOC_MW',
        id: h.IB_USER_VERBS_CMD_DEALLOC_MW,
        request: h.ib_uverbs_dealloc_mw.make({ mw_handle: handle }),
      };
    case 'ah':
      return {
        name: 'DESTROY_AH',
        id: h.IB_USER_VERBS_CMD_DESTROY_AH,
        request: h.ib_uverbs_destroy_ah.make({ ah_handle: handle }),
      };
    case 'xrcd':
      return {
        name: 'CLOSE_XRCD',
        id: h.IB_USER_VERBS_CMD_CLOSE_XRCD,
        request: h.ib_uverbs_close_xrcd.make({ xrcd_handle: handle }),
      };
    case 'cq':
      return {
        name: 'DESTROY_CQ',
        id: h.IB_USER_VERBS_CMD_DESTROY_CQ,
        request: h.ib_uverbs_destroy_cq.make({ cq_handle: handle }),
        responseSize: h.ib_uverbs_destroy_cq_resp.size,
      };
    case 'qp':
      return {
        name: 'DESTROY_QP',
        id: h.IB_USER_VERBS_CMD_DESTROY_QP,
        request: h.ib_uverbs_destroy_qp.make({ qp_handle: handle }),
        responseSize: h.ib_uverbs_destroy_qp_resp.size,
      };
    case 'srq':
      return {
        name: 'DESTROY_SRQ',
        id: h.IB_USER_VERBS_CMD_DESTROY_SRQ,
        request: h.ib_uverbs_destroy_srq.make({ srq_handle: handle }),
        responseSize: h.ib_uverbs_destroy_srq_resp.size,
      };
    default:
      return undefined;
  }
}

/** The counts of events that were delivered. */
const ANSWERS: Partial<Record<RdmaKind, (response: Buffer) => Facts>> = {
  cq: (response) => factsOf(h.ib_uverbs_destroy_cq_resp.decode(response)),
  qp: (response) => factsOf(h.ib_uverbs_destroy_qp_resp.decode(response)),
  srq: (response) => factsOf(h.ib_uverbs_destroy_srq_resp.decode(response)),
};

export function destroy(context: Context, object: RdmaObject, how: How): CallOutcome<Facts> {
  const { kind, handle } = object;
  if (kind === 'channel' || kind === 'async-events') {
    const closed = outcomeOf(tryClose(handle), 'close of an event file');
    return closed.ok ? { ok: true, value: {} } : closed;
  }
  const call = destroyCommand(object);
  if (call === undefined) throw new TypeError(`no way to destroy a ${kind}`);
  const answer = command(context, { ...call, abi: how.abi });
  if (!answer.ok) return answer;
  if (kind === 'cq') context.cqs.remove(object);
  if (kind === 'qp') context.qps.remove(object);
  if (kind === 'srq') context.srqs.remove(object);
  return { ok: true, value: ANSWERS[kind]?.(answer.value.response) ?? {} };
}
