import type { CallOutcome } from '../../uapi/call-outcome.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { uverbsCommands } from '../../uapi/headers/rdma/uverbs-commands.ts';
import { uverbsMethods } from '../../uapi/headers/rdma/uverbs-methods.ts';
import type { CreateRequests, Facts, How, RdmaObject } from '../contract-verbs.ts';
import { type Answer, byMethod, command, driverData, method, room } from './call.ts';
import { type Context, rdmaObject } from './context.ts';
import type { DriverData, ReceiveQueue } from './driver.ts';
import { openQueue, withQueueMemory } from './queue-memory.ts';

type SrqWanted = CreateRequests['srq'];

/** enum ib_uverbs_srq_type */
const SRQ_TYPES = { basic: 0, xrc: 1, tm: 2 } as const;

/** Bits of enum ib_srq_attr_mask. Source: include/rdma/ib_verbs.h */
const SRQ_MAX_WR = 1;
const SRQ_LIMIT = 2;

/** An SRQ that the kernel has made, whatever the form. */
interface MadeSrq {
  readonly handle: number;
  readonly fields: RdmaObject['fields'];
  readonly driver: Buffer;
}

export function createSrq(context: Context, want: SrqWanted, how: How): CallOutcome<RdmaObject> {
  const outcome = withQueueMemory(context, 'srq', want, (data) =>
    byMethod(how) ? srqByMethod(context, want, data) : srqByCommand(context, want, data, how),
  );
  if (!outcome.ok) return outcome;
  const { made, memory } = outcome.value;
  const { handle, driver } = made;
  const { part } = context;
  const object = rdmaObject('srq', handle, {
    ...made.fields,
    ...part.fields?.('srq', driver, want),
  });
  return openQueue<'srq', ReceiveQueue>(
    context,
    { object, want, response: driver, memory },
    part.queues?.openSrq,
    (queue) => context.srqs.add(object, queue),
  );
}

function srqByMethod(context: Context, want: SrqWanted, data: DriverData): CallOutcome<MadeSrq> {
  const values = {
    CREATE_SRQ_HANDLE: 'new' as const,
    CREATE_SRQ_PD_HANDLE: want.pd.handle,
    CREATE_SRQ_TYPE: SRQ_TYPES[want.type ?? 'basic'],
    CREATE_SRQ_USER_HANDLE: 0n,
    CREATE_SRQ_MAX_WR: want.maxWr,
    CREATE_SRQ_MAX_SGE: want.maxSge,
    CREATE_SRQ_LIMIT: want.limit ?? 0,
    CREATE_SRQ_XRCD_HANDLE: want.xrcd?.handle,
    CREATE_SRQ_CQ_HANDLE: want.cq?.handle,
    CREATE_SRQ_RESP_MAX_WR: room(4),
    CREATE_SRQ_RESP_MAX_SGE: room(4),
    CREATE_SRQ_RESP_SRQ_NUM: room(4),
  };
  const answer = method(context, uverbsMethods.SRQ_CREATE, values, data);
  if (!answer.ok) return answer;
  const { result, driver } = answer.value;
  const fields = {
    maxWr: Number(result.number('CREATE_SRQ_RESP_MAX_WR')),
    maxSge: Number(result.number('CREATE_SRQ_RESP_MAX_SGE')),
    number: Number(result.number('CREATE_SRQ_RESP_SRQ_NUM')),
  };
  return { ok: true, value: { handle: result.handle('CREATE_SRQ_HANDLE'), fields, driver } };
}

/** CREATE_SRQ knows one type, CREATE_XSRQ all. */
function srqByCommand(
  context: Context,
  want: SrqWanted,
  data: DriverData,
  how: How,
): CallOutcome<MadeSrq> {
  const made = (want.type === undefined ? plainSrq : typedSrq)(context, want, data, how);
  if (!made.ok) return made;
  const { response, driver } = made.value;
  const { srq_handle, max_wr, max_sge, srqn } = h.ib_uverbs_create_srq_resp.decode(response);
  const fields = { maxWr: max_wr, maxSge: max_sge, number: srqn };
  return { ok: true, value: { handle: srq_handle, fields, driver } };
}

function plainSrq(
  context: Context,
  want: SrqWanted,
  driver: DriverData,
  how: How,
): CallOutcome<Answer> {
  return command(context, {
    command: uverbsCommands.CREATE_SRQ,
    request: h.ib_uverbs_create_srq.make({
      pd_handle: want.pd.handle,
      max_wr: want.maxWr,
      max_sge: want.maxSge,
      srq_limit: want.limit ?? 0,
    }),
    driver,
    abi: how.abi,
  });
}

function typedSrq(
  context: Context,
  want: SrqWanted,
  driver: DriverData,
  how: How,
): CallOutcome<Answer> {
  return command(context, {
    command: uverbsCommands.CREATE_XSRQ,
    request: h.ib_uverbs_create_xsrq.make({
      srq_type: SRQ_TYPES[want.type ?? 'basic'],
      pd_handle: want.pd.handle,
      max_wr: want.maxWr,
      max_sge: want.maxSge,
      srq_limit: want.limit ?? 0,
      xrcd_handle: want.xrcd?.handle ?? 0,
      cq_handle: want.cq?.handle ?? 0,
    }),
    driver,
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
    command: uverbsCommands.MODIFY_SRQ,
    request: h.ib_uverbs_modify_srq.make({
      srq_handle: srq.handle,
      attr_mask: mask,
      max_wr: maxWr ?? 0,
      srq_limit: limit ?? 0,
    }),
    driver: driverData(context, 'modify-srq', { maxWr, limit }),
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  if (maxWr === undefined) return { ok: true, value: {} };
  const mapped = context.srqs.get(srq)?.remap?.(answer.value.driver);
  return mapped === undefined || mapped.ok ? { ok: true, value: {} } : mapped;
}
