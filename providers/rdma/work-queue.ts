import type { CallOutcome } from '../../uapi/call-outcome.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { uverbsCommands } from '../../uapi/headers/rdma/uverbs-commands.ts';
import { uverbsMethods } from '../../uapi/headers/rdma/uverbs-methods.ts';
import {
  type CreateRequests,
  type Facts,
  type How,
  type RdmaObject,
  WQ_STATES,
  type WqChange,
} from '../contract-verbs.ts';
import { byMethod, command, driverData, method, room } from './call.ts';
import { type Context, rdmaObject } from './context.ts';
import type { DriverData, ReceiveQueue } from './driver.ts';
import { openQueue, withQueueMemory } from './queue-memory.ts';

/** Work queues, which receive alone, and tables of them: what software devices do not have. */

/** A WQ that the kernel has made, whatever the form. */
interface MadeWq {
  readonly handle: number;
  readonly fields: RdmaObject['fields'];
  readonly driver: Buffer;
}

export function createWq(
  context: Context,
  want: CreateRequests['wq'],
  how: How,
): CallOutcome<RdmaObject> {
  const outcome = withQueueMemory(context, 'wq', want, (data) =>
    byMethod(how) ? wqByMethod(context, want, data) : wqByCommand(context, want, data, how),
  );
  if (!outcome.ok) return outcome;
  const { made, memory } = outcome.value;
  const { handle, fields, driver } = made;
  const object = rdmaObject('wq', handle, fields);
  return openQueue<'wq', ReceiveQueue>(
    context,
    { object, want, response: driver, memory },
    context.part.queues?.openWq,
    (queue) => context.wqs.add(object, queue),
  );
}

function wqByMethod(
  context: Context,
  want: CreateRequests['wq'],
  data: DriverData,
): CallOutcome<MadeWq> {
  const values = {
    CREATE_WQ_HANDLE: 'new' as const,
    CREATE_WQ_PD_HANDLE: want.pd.handle,
    CREATE_WQ_TYPE: 0,
    CREATE_WQ_USER_HANDLE: 0n,
    CREATE_WQ_MAX_WR: want.maxWr,
    CREATE_WQ_MAX_SGE: want.maxSge,
    CREATE_WQ_FLAGS: 0,
    CREATE_WQ_CQ_HANDLE: want.cq.handle,
    CREATE_WQ_RESP_MAX_WR: room(4),
    CREATE_WQ_RESP_MAX_SGE: room(4),
    CREATE_WQ_RESP_WQ_NUM: room(4),
  };
  const answer = method(context, uverbsMethods.WQ_CREATE, values, data);
  if (!answer.ok) return answer;
  const { result, driver } = answer.value;
  const fields = {
    number: Number(result.number('CREATE_WQ_RESP_WQ_NUM')),
    maxWr: Number(result.number('CREATE_WQ_RESP_MAX_WR')),
    maxSge: Number(result.number('CREATE_WQ_RESP_MAX_SGE')),
  };
  return { ok: true, value: { handle: result.handle('CREATE_WQ_HANDLE'), fields, driver } };
}

function wqByCommand(
  context: Context,
  want: CreateRequests['wq'],
  driver: DriverData,
  how: How,
): CallOutcome<MadeWq> {
  const answer = command(context, {
    command: uverbsCommands.EX_CREATE_WQ,
    request: h.ib_uverbs_ex_create_wq.make({
      pd_handle: want.pd.handle,
      cq_handle: want.cq.handle,
      max_wr: want.maxWr,
      max_sge: want.maxSge,
    }),
    driver,
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const { response, driver: answered } = answer.value;
  const { wq_handle, wqn, max_wr, max_sge } = h.ib_uverbs_ex_create_wq_resp.decode(response);
  const fields = { number: wqn, maxWr: max_wr, maxSge: max_sge };
  return { ok: true, value: { handle: wq_handle, fields, driver: answered } };
}

/** enum ib_wq_attr_mask. Source: include/rdma/ib_verbs.h */
const WQ_STATE = 1;
const WQ_CURRENT_STATE = 2;

/** What waits in a WQ that goes back to reset is forgotten. */
export function modifyWq(
  context: Context,
  wq: RdmaObject,
  { state, currentState, extraMask = 0 }: WqChange,
  how: How,
): CallOutcome<Facts> {
  const told =
    (state === undefined ? 0 : WQ_STATE) | (currentState === undefined ? 0 : WQ_CURRENT_STATE);
  const answer = command(context, {
    command: uverbsCommands.EX_MODIFY_WQ,
    request: h.ib_uverbs_ex_modify_wq.make({
      attr_mask: (told | extraMask) >>> 0,
      wq_handle: wq.handle,
      wq_state: state ?? 0,
      curr_wq_state: currentState ?? 0,
    }),
    driver: driverData(context, 'modify-wq', state),
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  if (state === WQ_STATES.reset) context.wqs.get(wq)?.drop?.();
  return { ok: true, value: {} };
}

export function createWqTable(
  context: Context,
  { log2Size, wqs }: CreateRequests['wq-table'],
  how: How,
): CallOutcome<RdmaObject> {
  const head = h.ib_uverbs_ex_create_rwq_ind_table;
  // Words of extended commands have eight bytes: one WQ alone is followed by padding.
  const sizeBytes = head.size + Math.ceil(wqs.length / 2) * 8;
  const request = head.make({ log_ind_tbl_size: log2Size }, sizeBytes);
  for (const [index, { handle }] of wqs.entries()) {
    request.writeUInt32LE(handle, head.size + 4 * index);
  }
  const answer = command(context, {
    command: uverbsCommands.EX_CREATE_RWQ_IND_TBL,
    request,
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const { response } = answer.value;
  const handle = h.ib_uverbs_ex_create_rwq_ind_table_resp.get(response, 'ind_tbl_handle');
  return { ok: true, value: rdmaObject('wq-table', handle) };
}
