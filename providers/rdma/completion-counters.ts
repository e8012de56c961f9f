import type { CallOutcome } from '../../uapi/call-outcome.ts';
import {
  IB_UVERBS_COMP_CNTR_ENTRY_COMP,
  IB_UVERBS_COMP_CNTR_ENTRY_ERR,
  IB_UVERBS_COMP_CNTR_MODIFY_OP_INC,
  IB_UVERBS_COMP_CNTR_MODIFY_OP_SET,
} from '../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import { uverbsMethods } from '../../uapi/headers/rdma/uverbs-methods.ts';
import type {
  CounterChange,
  CounterSide,
  CreateRequests,
  Facts,
  RdmaObject,
} from '../contract-verbs.ts';
import { driverData, method, room } from './call.ts';
import { type Context, rdmaObject } from './context.ts';

/**
 * Completion counters, of Linux 7.3: how many requests of QPs have ended well, and how many badly.
 * Source: drivers/infiniband/core/uverbs_std_types_comp_cntr.c, uverbs_std_types_qp.c
 */

/** Where the counts lie is said by attributes of the driver. */
export function createCompCntr(
  context: Context,
  want: CreateRequests['comp-cntr'],
): CallOutcome<RdmaObject> {
  const answer = method(
    context,
    uverbsMethods.COMP_CNTR_CREATE,
    { CREATE_COMP_CNTR_HANDLE: 'new' },
    driverData(context, 'comp-cntr', want),
  );
  if (!answer.ok) return answer;
  const handle = answer.value.result.handle('CREATE_COMP_CNTR_HANDLE');
  return { ok: true, value: rdmaObject('comp-cntr', handle) };
}

const ENTRIES: Readonly<Record<CounterSide, number>> = {
  successes: IB_UVERBS_COMP_CNTR_ENTRY_COMP,
  errors: IB_UVERBS_COMP_CNTR_ENTRY_ERR,
};

/** EOPNOTSUPP of a driver that has the counts in memory: there they are read. */
export function readCompCntr(context: Context, { handle }: RdmaObject): CallOutcome<Facts> {
  const values: Record<string, bigint> = {};
  for (const [name, entry] of Object.entries(ENTRIES)) {
    const answer = method(context, uverbsMethods.COMP_CNTR_READ, {
      READ_COMP_CNTR_HANDLE: handle,
      READ_COMP_CNTR_ENTRY: entry,
      READ_COMP_CNTR_RESP_VALUE: room(8),
    });
    if (!answer.ok) return answer;
    values[name] = answer.value.result.number('READ_COMP_CNTR_RESP_VALUE');
  }
  return { ok: true, value: values };
}

export function modifyCompCntr(
  context: Context,
  counter: RdmaObject,
  { which, operation, value }: CounterChange,
): CallOutcome<Facts> {
  const isSet = operation === 'set';
  const answer = method(context, uverbsMethods.COMP_CNTR_MODIFY, {
    MODIFY_COMP_CNTR_HANDLE: counter.handle,
    MODIFY_COMP_CNTR_ENTRY: ENTRIES[which],
    MODIFY_COMP_CNTR_OP: isSet
      ? IB_UVERBS_COMP_CNTR_MODIFY_OP_SET
      : IB_UVERBS_COMP_CNTR_MODIFY_OP_INC,
    MODIFY_COMP_CNTR_VALUE: value,
  });
  return answer.ok ? { ok: true, value: {} } : answer;
}

/** There is no way to detach but to destroy the QP. */
export function attachCompCntr(
  context: Context,
  qp: RdmaObject,
  counter: RdmaObject,
  operations: number,
): CallOutcome<Facts> {
  const answer = method(context, uverbsMethods.QP_ATTACH_COMP_CNTR, {
    QP_ATTACH_COMP_CNTR_HANDLE: qp.handle,
    QP_ATTACH_COMP_CNTR_CNTR_HANDLE: counter.handle,
    QP_ATTACH_COMP_CNTR_OP_MASK: operations,
  });
  return answer.ok ? { ok: true, value: {} } : answer;
}

export function queryCompCntrCaps(context: Context): CallOutcome<Facts> {
  const answer = method(context, uverbsMethods.QUERY_COMP_CNTR_CAPS, {
    QUERY_COMP_CNTR_CAPS_MAX_COUNTERS: room(4),
    QUERY_COMP_CNTR_CAPS_MAX_VALUE: room(8),
    QUERY_COMP_CNTR_CAPS_SUPPORTED_QP_ATTACH_OPS: room(4),
  });
  if (!answer.ok) return answer;
  const { result } = answer.value;
  const maxCounters = Number(result.number('QUERY_COMP_CNTR_CAPS_MAX_COUNTERS'));
  const maxValue = result.number('QUERY_COMP_CNTR_CAPS_MAX_VALUE');
  const operations = Number(result.number('QUERY_COMP_CNTR_CAPS_SUPPORTED_QP_ATTACH_OPS'));
  return { ok: true, value: { maxCounters, maxValue, operations } };
}
