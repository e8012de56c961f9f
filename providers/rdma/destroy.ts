import { type CallOutcome, outcomeOf } from '../../uapi/call-outcome.ts';
import type { AnyStruct } from '../../uapi/description.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { uverbsCommands } from '../../uapi/headers/rdma/uverbs-commands.ts';
import { uverbsMethods } from '../../uapi/headers/rdma/uverbs-methods.ts';
import type { UverbsMethod, WriteCommand } from '../../uapi/rdma/description.ts';
import { tryClose } from '../../uapi/sys.ts';
import type { Facts, How, RdmaKind, RdmaObject } from '../contract-verbs.ts';
import { byMethod, command, method, room } from './call.ts';
import type { Context } from './context.ts';
import { factsOf } from './facts.ts';

/** How a kind of object goes. */
interface Ending {
  readonly method: UverbsMethod;
  /** The attribute that names the object. */
  readonly handle: string;
  /** The attribute and the struct of what the kernel answers. */
  readonly response?: string;
  readonly command?: WriteCommand;
  /** The command's argument. */
  readonly request?: (handle: number) => Buffer;
}

const m = uverbsMethods;
const c = uverbsCommands;

const MR_ENDING: Ending = {
  method: m.MR_DESTROY,
  handle: 'DESTROY_MR_HANDLE',
  command: c.DEREG_MR,
  request: (handle) => h.ib_uverbs_dereg_mr.make({ mr_handle: handle }),
};

const ENDINGS: Readonly<Record<Exclude<RdmaKind, 'channel' | 'async-events'>, Ending>> = {
  pd: {
    method: m.PD_DESTROY,
    handle: 'DESTROY_PD_HANDLE',
    command: c.DEALLOC_PD,
    request: (handle) => h.ib_uverbs_dealloc_pd.make({ pd_handle: handle }),
  },
  mr: MR_ENDING,
  'dmabuf-mr': MR_ENDING,
  'dm-mr': MR_ENDING,
  mw: {
    method: m.MW_DESTROY,
    handle: 'DESTROY_MW_HANDLE',
    command: c.DEALLOC_MW,
    request: (handle) => h.ib_uverbs_dealloc_mw.make({ mw_handle: handle }),
  },
  dm: { method: m.DM_FREE, handle: 'FREE_DM_HANDLE' },
  cq: {
    method: m.CQ_DESTROY,
    handle: 'DESTROY_CQ_HANDLE',
    response: 'DESTROY_CQ_RESP',
    command: c.DESTROY_CQ,
    request: (handle) => h.ib_uverbs_destroy_cq.make({ cq_handle: handle }),
  },
  srq: {
    method: m.SRQ_DESTROY,
    handle: 'DESTROY_SRQ_HANDLE',
    response: 'DESTROY_SRQ_RESP',
    command: c.DESTROY_SRQ,
    request: (handle) => h.ib_uverbs_destroy_srq.make({ srq_handle: handle }),
  },
  qp: {
    method: m.QP_DESTROY,
    handle: 'DESTROY_QP_HANDLE',
    response: 'DESTROY_QP_RESP',
    command: c.DESTROY_QP,
    request: (handle) => h.ib_uverbs_destroy_qp.make({ qp_handle: handle }),
  },
  ah: {
    method: m.AH_DESTROY,
    handle: 'DESTROY_AH_HANDLE',
    command: c.DESTROY_AH,
    request: (handle) => h.ib_uverbs_destroy_ah.make({ ah_handle: handle }),
  },
  xrcd: {
    method: m.XRCD_DESTROY,
    handle: 'DESTROY_XRCD_HANDLE',
    command: c.CLOSE_XRCD,
    request: (handle) => h.ib_uverbs_close_xrcd.make({ xrcd_handle: handle }),
  },
  wq: {
    method: m.WQ_DESTROY,
    handle: 'DESTROY_WQ_HANDLE',
    response: 'DESTROY_WQ_RESP',
    command: c.EX_DESTROY_WQ,
    request: (handle) => h.ib_uverbs_ex_destroy_wq.make({ wq_handle: handle }),
  },
  'wq-table': {
    method: m.RWQ_IND_TBL_DESTROY,
    handle: 'DESTROY_RWQ_IND_TBL_HANDLE',
    command: c.EX_DESTROY_RWQ_IND_TBL,
    request: (handle) => h.ib_uverbs_ex_destroy_rwq_ind_table.make({ ind_tbl_handle: handle }),
  },
  flow: {
    method: m.FLOW_DESTROY,
    handle: 'DESTROY_FLOW_HANDLE',
    command: c.EX_DESTROY_FLOW,
    request: (handle) => h.ib_uverbs_destroy_flow.make({ flow_handle: handle }),
  },
  counters: { method: m.COUNTERS_DESTROY, handle: 'DESTROY_COUNTERS_HANDLE' },
  'comp-cntr': { method: m.COMP_CNTR_DESTROY, handle: 'DESTROY_COMP_CNTR_HANDLE' },
};

export function destroy(context: Context, object: RdmaObject, how: How): CallOutcome<Facts> {
  const { kind, handle } = object;
  if (kind === 'channel' || kind === 'async-events') {
    const closed = outcomeOf(tryClose(handle), 'close of an event file');
    return closed.ok ? { ok: true, value: {} } : closed;
  }
  const ending = ENDINGS[kind];
  const ended = byMethod(how)
    ? byItsMethod(context, ending, handle)
    : byItsCommand(context, ending, handle, how);
  if (!ended.ok) return ended;
  if (kind === 'cq') context.cqs.remove(object);
  if (kind === 'qp') context.qps.remove(object);
  if (kind === 'srq') context.srqs.remove(object);
  if (kind === 'wq') context.wqs.remove(object);
  context.kept.remove(object);
  return ended;
}

/** Counts of the events that were delivered. */
const RESPONSES: Readonly<Record<string, AnyStruct>> = {
  DESTROY_CQ_RESP: h.ib_uverbs_destroy_cq_resp,
  DESTROY_SRQ_RESP: h.ib_uverbs_destroy_srq_resp,
  DESTROY_QP_RESP: h.ib_uverbs_destroy_qp_resp,
  DESTROY_WQ_RESP: h.ib_uverbs_destroy_qp_resp,
};

function byItsMethod(context: Context, ending: Ending, handle: number): CallOutcome<Facts> {
  const { response } = ending;
  const struct = response === undefined ? undefined : RESPONSES[response];
  const answer = method(context, ending.method, {
    [ending.handle]: handle,
    ...(response !== undefined && { [response]: room(struct?.size ?? 0) }),
  });
  if (!answer.ok) return answer;
  if (response === undefined || struct === undefined) return { ok: true, value: {} };
  return { ok: true, value: decoded(struct, answer.value.result.bytes(response)) };
}

function byItsCommand(
  context: Context,
  ending: Ending,
  handle: number,
  how: How,
): CallOutcome<Facts> {
  const { command: called, request } = ending;
  if (called === undefined || request === undefined) {
    throw new TypeError(`${ending.method.name} has no write command`);
  }
  const answer = command(context, { command: called, request: request(handle), abi: how.abi });
  if (!answer.ok) return answer;
  const struct = called.response;
  return { ok: true, value: struct === undefined ? {} : decoded(struct, answer.value.response) };
}

function decoded(struct: AnyStruct, bytes: Buffer): Facts {
  return factsOf({ ...Object(struct.decode(bytes)) });
}

/** Takes back an object whose queues could not be mapped; gives on why. */
export function undone<T>(
  context: Context,
  object: RdmaObject,
  failure: CallOutcome<T> & { readonly ok: false },
): CallOutcome<never> {
  destroy(context, object, {});
  return failure;
}
