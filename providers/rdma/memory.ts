import type { CallOutcome } from '../../uapi/call-outcome.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { uverbsCommands } from '../../uapi/headers/rdma/uverbs-commands.ts';
import type { CreateRequests, How, RdmaObject } from '../contract-verbs.ts';
import { type CommandCall, command, driverData } from './call.ts';
import { type Context, rdmaObject } from './context.ts';
import { regMrByMethod } from './more-memory.ts';

/** Protection domains, memory regions and memory windows. */

export function allocPd(context: Context, how: How): CallOutcome<RdmaObject> {
  const answer = command(context, {
    command: uverbsCommands.ALLOC_PD,
    request: h.ib_uverbs_alloc_pd.make(),
    driver: driverData(context, 'pd', {}),
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const handle = h.ib_uverbs_alloc_pd_resp.get(answer.value.response, 'pd_handle');
  return { ok: true, value: rdmaObject('pd', handle) };
}

/** By the command unless the method is asked for: kernels before 6.17 lack it. */
export function regMr(
  context: Context,
  want: CreateRequests['mr'],
  how: How,
): CallOutcome<RdmaObject> {
  if (how.abi === 'ioctl') return regMrByMethod(context, want);
  return regMrByCommand(context, want, { driver: driverData(context, 'mr', want), abi: how.abi });
}

/** The same by the command, with what the driver is told: of memory that is no case's, something else. */
export function regMrByCommand(
  context: Context,
  { pd, start, length, iova = start, access }: CreateRequests['mr'],
  how: Pick<CommandCall, 'driver' | 'abi'>,
): CallOutcome<RdmaObject> {
  const answer = command(context, {
    command: uverbsCommands.REG_MR,
    request: h.ib_uverbs_reg_mr.make({
      start,
      length,
      hca_va: iova,
      pd_handle: pd.handle,
      access_flags: access,
    }),
    ...how,
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
    command: uverbsCommands.ALLOC_MW,
    request: h.ib_uverbs_alloc_mw.make({ pd_handle: pd.handle, mw_type: type }),
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const { mw_handle, rkey } = h.ib_uverbs_alloc_mw_resp.decode(answer.value.response);
  return { ok: true, value: rdmaObject('mw', mw_handle, { rkey, type }) };
}

export function reregMr(
  context: Context,
  mr: RdmaObject,
  change: Partial<CreateRequests['mr']> & { readonly flags: number },
  how: How,
): CallOutcome<RdmaObject> {
  const { start = 0n, length = 0n, iova = start, access = 0, pd, flags } = change;
  const answer = command(context, {
    command: uverbsCommands.REREG_MR,
    request: h.ib_uverbs_rereg_mr.make({
      mr_handle: mr.handle,
      flags,
      start,
      length,
      hca_va: iova,
      pd_handle: pd?.handle ?? 0,
      access_flags: access,
    }),
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const { lkey, rkey } = h.ib_uverbs_rereg_mr_resp.decode(answer.value.response);
  const moved = change.start === undefined ? {} : { address: iova, length };
  const fields = { ...mr.fields, lkey, rkey, ...moved };
  return { ok: true, value: rdmaObject('mr', mr.handle, fields) };
}
