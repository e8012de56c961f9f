import type { CallOutcome } from '../../uapi/call-outcome.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import type { CreateRequests, Facts, How, RdmaObject } from '../contract-verbs.ts';
import { command } from './call.ts';
import { type Context, rdmaObject } from './context.ts';
import { NO_DRIVER_DATA } from './driver.ts';

/** Protection domains, memory regions and memory windows. */

export function allocPd(context: Context, how: How): CallOutcome<RdmaObject> {
  const answer = command(context, {
    name: 'ALLOC_PD',
    id: h.IB_USER_VERBS_CMD_ALLOC_PD,
    request: h.ib_uverbs_alloc_pd.make(),
    responseSize: h.ib_uverbs_alloc_pd_resp.size,
    driver: context.part.driverData?.('pd', {}) ?? NO_DRIVER_DATA,
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const handle = h.ib_uverbs_alloc_pd_resp.get(answer.value.response, 'pd_handle');
  return { ok: true, value: rdmaObject('pd', handle) };
}

export function regMr(
  context: Context,
  want: CreateRequests['mr'],
  how: How,
): CallOutcome<RdmaObject> {
  const { pd, start, length, iova = start, access } = want;
  const answer = command(context, {
    name: 'REG_MR',
    id: h.IB_USER_VERBS_CMD_REG_MR,
    request: h.ib_uverbs_reg_mr.make({
      start,
      length,
      hca_va: iova,
      pd_handle: pd.handle,
      access_flags: access,
    }),
    responseSize: h.ib_uverbs_reg_mr_resp.size,
    driver: context.part.driverData?.('mr', want) ?? NO_DRIVER_DATA,
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const { mr_handle, lkey, rkey } = h.ib_uverbs_reg_mr_resp.decode(answer.value.response);
  return { ok: true, value: rdmaObject('mr', mr_handle, { lkey, rkey, address: iova, length }) };
}

/** The key of a memory window that is bound is another than the one that it was made with. */
export function allocMw(
  context: Context,
  { pd, type }: CreateRequests['mw'],
  how: How,
): CallOutcome<RdmaObject> {
  const answer = command(context, {
    name: 'ALLOC_MW',
    id: h.IB_USER_VERBS_CMD_ALLOC_MW,
    request: h.ib_uverbs_alloc_mw.make({ pd_handle: pd.handle, mw_type: type }),
    responseSize: h.ib_uverbs_alloc_mw_resp.size,
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const { mw_handle, rkey } = h.ib_uverbs_alloc_mw_resp.decode(answer.value.response);
  return { ok: true, value: rdmaObject('mw', mw_handle, { rkey }) };
}

export function reregMr(
  context: Context,
  mr: RdmaObject,
  change: Partial<CreateRequests['mr']> & { readonly flags: number },
  how: How,
): CallOutcome<RdmaObject> {
  const { start = 0n, length = 0n, iova = start, access = 0, pd, flags } = change;
  const answer = command(context, {
    name: 'REREG_MR',
    id: h.IB_USER_VERBS_CMD_REREG_MR,
    request: h.ib_uverbs_rereg_mr.make({
      mr_handle: mr.handle,
      flags,
      start,
      length,
      hca_va: iova,
      pd_handle: pd?.handle ?? 0,
      access_flags: access,
    }),
    responseSize: h.ib_uverbs_rereg_mr_resp.size,
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const { lkey, rkey } = h.ib_uverbs_rereg_mr_resp.decode(answer.value.response);
  const moved = change.start === undefined ? {} : { address: iova, length };
  const fields = { ...mr.fields, lkey, rkey, ...moved };
  return { ok: true, value: rdmaObject('mr', mr.handle, fields) };
}

export const NOTHING: CallOutcome<Facts> = { ok: true, value: {} };
