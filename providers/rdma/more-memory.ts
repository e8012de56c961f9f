import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { ib_uverbs_sge } from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { uverbsMethods } from '../../uapi/headers/rdma/uverbs-methods.ts';
import type { CreateRequests, Facts, RdmaObject, Sge } from '../contract-verbs.ts';
import { driverData, type MethodAnswer, method, room } from './call.ts';
import { type Context, rdmaObject } from './context.ts';

/** Memory regions that only methods make, and advice. */

/** UVERBS_METHOD_REG_MR, which kernels from 6.17 on have. */
export function regMrByMethod(
  context: Context,
  want: CreateRequests['mr'],
): CallOutcome<RdmaObject> {
  const { start, length, iova = start } = want;
  const values = {
    REG_MR_HANDLE: 'new' as const,
    REG_MR_PD_HANDLE: want.pd.handle,
    REG_MR_IOVA: iova,
    REG_MR_LENGTH: length,
    REG_MR_ACCESS_FLAGS: want.access,
    REG_MR_ADDR: start,
    REG_MR_RESP_LKEY: room(4),
    REG_MR_RESP_RKEY: room(4),
  };
  const data = driverData(context, 'mr', want);
  const answer = method(context, uverbsMethods.REG_MR, values, data);
  return answer.ok ? madeMr('mr', answer.value, 'REG_MR', { address: iova, length }) : answer;
}

export function regDmabufMr(
  context: Context,
  want: CreateRequests['dmabuf-mr'],
): CallOutcome<RdmaObject> {
  const { offset, length, iova } = want;
  const values = {
    REG_DMABUF_MR_HANDLE: 'new' as const,
    REG_DMABUF_MR_PD_HANDLE: want.pd.handle,
    REG_DMABUF_MR_OFFSET: offset,
    REG_DMABUF_MR_LENGTH: length,
    REG_DMABUF_MR_IOVA: iova,
    REG_DMABUF_MR_FD: want.dmabuf,
    REG_DMABUF_MR_ACCESS_FLAGS: want.access,
    REG_DMABUF_MR_RESP_LKEY: room(4),
    REG_DMABUF_MR_RESP_RKEY: room(4),
  };
  const answer = method(context, uverbsMethods.REG_DMABUF_MR, values);
  if (!answer.ok) return answer;
  return madeMr('dmabuf-mr', answer.value, 'REG_DMABUF_MR', { address: iova, length });
}

/** Addresses of device memory begin at zero. */
export function regDmMr(context: Context, want: CreateRequests['dm-mr']): CallOutcome<RdmaObject> {
  const values = {
    REG_DM_MR_HANDLE: 'new' as const,
    REG_DM_MR_OFFSET: want.offset,
    REG_DM_MR_LENGTH: want.length,
    REG_DM_MR_PD_HANDLE: want.pd.handle,
    REG_DM_MR_ACCESS_FLAGS: want.access,
    REG_DM_MR_DM_HANDLE: want.dm.handle,
    REG_DM_MR_RESP_LKEY: room(4),
    REG_DM_MR_RESP_RKEY: room(4),
  };
  const answer = method(context, uverbsMethods.DM_MR_REG, values);
  if (!answer.ok) return answer;
  return madeMr('dm-mr', answer.value, 'REG_DM_MR', { address: 0n, length: want.length });
}

/** @param names what the names of the method's attributes begin with */
function madeMr(
  kind: 'mr' | 'dmabuf-mr' | 'dm-mr',
  { result }: MethodAnswer,
  names: string,
  place: { readonly address: bigint; readonly length: bigint },
): CallOutcome<RdmaObject> {
  const lkey = Number(result.number(`${names}_RESP_LKEY`));
  const rkey = Number(result.number(`${names}_RESP_RKEY`));
  return {
    ok: true,
    value: rdmaObject(kind, result.handle(`${names}_HANDLE`), { lkey, rkey, ...place }),
  };
}

export function adviseMr(
  context: Context,
  pd: RdmaObject,
  {
    advice,
    flags,
    sges,
  }: {
    readonly advice: number;
    readonly flags: number;
    readonly sges: readonly Sge[];
  },
): CallOutcome<Facts> {
  const list = sges.map(({ address, length, lkey }) =>
    ib_uverbs_sge.make({ addr: address, length, lkey }),
  );
  const answer = method(context, uverbsMethods.ADVISE_MR, {
    ADVISE_MR_PD_HANDLE: pd.handle,
    ADVISE_MR_ADVICE: advice,
    ADVISE_MR_FLAGS: flags,
    ADVISE_MR_SGE_LIST: Buffer.concat(list),
  });
  return answer.ok ? { ok: true, value: {} } : answer;
}

/** Source: drivers/infiniband/core/uverbs_std_types_mr.c, UVERBS_METHOD_QUERY_MR */
export function queryMr(context: Context, mr: RdmaObject): CallOutcome<Facts> {
  const answer = method(context, uverbsMethods.QUERY_MR, {
    QUERY_MR_HANDLE: mr.handle,
    QUERY_MR_RESP_RKEY: room(4),
    QUERY_MR_RESP_LKEY: room(4),
    QUERY_MR_RESP_LENGTH: room(8),
    QUERY_MR_RESP_IOVA: room(8),
  });
  if (!answer.ok) return answer;
  const { result } = answer.value;
  const facts = {
    rkey: Number(result.number('QUERY_MR_RESP_RKEY')),
    lkey: Number(result.number('QUERY_MR_RESP_LKEY')),
    length: result.number('QUERY_MR_RESP_LENGTH'),
    iova: result.number('QUERY_MR_RESP_IOVA'),
  };
  return { ok: true, value: facts };
}
