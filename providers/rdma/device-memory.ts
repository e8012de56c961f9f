import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { E } from '../../uapi/errno.ts';
import { uverbsMethods } from '../../uapi/headers/rdma/uverbs-methods.ts';
import type { MapPlan } from '../contract.ts';
import type { CreateRequests, RdmaObject } from '../contract-verbs.ts';
import { driverData, method } from './call.ts';
import { type Context, rdmaObject } from './context.ts';

/** Memory of the device, where the CPU finds it, and pages of the device as dma-bufs. */

/** Where it can be mapped the driver's part tells `offset` and `start`. */
export function allocDm(context: Context, want: CreateRequests['dm']): CallOutcome<RdmaObject> {
  const { length, alignment } = want;
  const values = {
    ALLOC_DM_HANDLE: 'new' as const,
    ALLOC_DM_LENGTH: length,
    ALLOC_DM_ALIGNMENT: alignment,
  };
  const answer = method(context, uverbsMethods.DM_ALLOC, values, driverData(context, 'dm', want));
  if (!answer.ok) return answer;
  const { result, driver } = answer.value;
  const fields = { length, ...context.part.fields?.('dm', driver, want) };
  return { ok: true, value: rdmaObject('dm', result.handle('ALLOC_DM_HANDLE'), fields) };
}

export function placeOfDm(context: Context, { fields }: RdmaObject): CallOutcome<MapPlan> {
  const { offset } = fields;
  if (offset !== undefined) return { ok: true, value: { fd: context.fd, offset: BigInt(offset) } };
  const { driver } = context.part;
  return { ok: false, errno: E.EOPNOTSUPP, call: `${driver}, whose mappings are not known here` };
}

/**
 * What mmap(2) would show at an offset of the context's file, which the kernel calls a page offset.
 * Source: drivers/infiniband/core/uverbs_std_types_dmabuf.c, UVERBS_METHOD_DMABUF_ALLOC;
 * hw/mlx5/main.c, mlx5_ib_pgoff_to_mmap_entry()
 */
export function exportPages(context: Context, offset: bigint): CallOutcome<number> {
  const answer = method(context, uverbsMethods.DMABUF_ALLOC, {
    ALLOC_DMABUF_HANDLE: 'new',
    ALLOC_DMABUF_PGOFF: offset,
  });
  if (!answer.ok) return answer;
  return { ok: true, value: answer.value.result.fd('ALLOC_DMABUF_HANDLE') };
}
