import type { CallOutcome } from '../../uapi/call-outcome.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import type { CreateRequests, Facts, How, RdmaObject } from '../contract-verbs.ts';
import { type Answer, command } from './call.ts';
import { type Context, rdmaObject } from './context.ts';
import { NO_DRIVER_DATA } from './driver.ts';

type SrqWanted = CreateRequests['srq'];

/** enum ib_uverbs_srq_type */
const SRQ_TYPES = { basic: 0, xrc: 1, tm: 2 } as const;

/** Bits of enum ib_srq_attr_mask. Source: include/rdma/ib_verbs.h */
const SRQ_MAX_WR = 1;
const SRQ_LIMIT = 2;

export function createSrq(context: Context, want: SrqWanted, how: How): CallOutcome<RdmaObject> {
  const made =
    want.type === undefined ? plainSrq(context, want, how) : typedSrq(context, want, how);
  if (!made.ok) return made;
  const { response, driver } = made.value;
  const { srq_handle, max_wr, max_sge, srqn } = h.ib_uverbs_create_srq_resp.decode(response);
  const object = rdmaObject('srq', srq_handle, {
    maxWr: max_wr,
    maxSge: max_sge,
    number: srqn,
    ...context.part.fields?.('srq', driver),
  });
  const queue = context.part.queues?.openSrq({ fd: context.fd, object, want, response: driver });
  if (queue === undefined) return { ok: true, value: object };
  if (!queue.ok) return queue;
  context.srqs.add(object, queue.value);
  return { ok: true, value: object };
}

function plainSrq(context: Context, want: SrqWanted, how: How): CallOutcome<Answer> {
  return command(context, {
    name: 'CREATE_SRQ',
    id: h.IB_USER_VERBS_CMD_CREATE_SRQ,
    request: h.ib_uverbs_create_srq.make({
      pd_handle: want.pd.handle,
      max_wr: want.maxWr,
      max_sge: want.maxSge,
      srq_limit: want.limit ?? 0,
    }),
    responseSize: h.ib_uverbs_create_srq_resp.size,
    driver: context.part.driverData?.('srq', want) ?? NO_DRIVER_DATA,
    abi: how.abi,
  });
}

function typedSrq(context: Context, want: SrqWanted, how: How): CallOutcome<Answer> {
  return command(context, {
    name: 'CREATE_XSRQ',
    id: h.IB_USER_VERBS_CMD_CREATE_XSRQ,
    request: h.ib_uverbs_create_xsrq.make({
      srq_type: SRQ_TYPES[want.type ?? 'basic'],
      pd_handle: want.pd.handle,
      max_wr: want.maxWr,
      max_sge: want.maxSge,
      srq_limit: want.limit ?? 0,
      xrcd_handle: want.xrcd?.handle ?? 0,
      cq_handle: want.cq?.handle ?? 0,
    }),
    responseSize: h.ib_uverbs_create_srq_resp.size,
    driver: context.part.driverData?.('srq', want) ?? NO_DRIVER_DATA,
    abi: how.abi,
  });
}

export function modifySrq(
  context: Context,
  srq: RdmaObject,
  { maxWr, limit }: { readonly maxWr?: number; readonly limit?: number },
  how: How,
): CallOutcome<Facts> {
  const mask = (maxWr === undefined ? 0 : SRQ_MAX_WR) | (limit === undefined ? 0 : SRQ_LIMIT);
  const answer = command(context, {
    name: 'MODIFY_SRQ',
    id: h.IB_USER_VERBS_CMD_MODIFY_SRQ,
    request: h.ib_uverbs_modify_srq.make({
      srq_handle: srq.handle,
      attr_mask: mask,
      max_wr: maxWr ?? 0,
      srq_limit: limit ?? 0,
    }),
    driver: context.part.driverData?.('modify-srq', { maxWr, limit }) ?? NO_DRIVER_DATA,
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  if (maxWr === undefined) return { ok: true, value: {} };
  const mapped = context.srqs.get(srq)?.remap?.(answer.value.driver);
  return mapped === undefined || mapped.ok ? { ok: true, value: {} } : mapped;
}
