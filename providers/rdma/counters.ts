import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { uverbsMethods } from '../../uapi/headers/rdma/uverbs-methods.ts';
import type { Facts, RdmaObject } from '../contract-verbs.ts';
import { method, room } from './call.ts';
import { type Context, rdmaObject } from './context.ts';

/** Counters, which flow rules count into. */

export function createCounters(context: Context): CallOutcome<RdmaObject> {
  const values = { CREATE_COUNTERS_HANDLE: 'new' as const };
  const answer = method(context, uverbsMethods.COUNTERS_CREATE, values);
  if (!answer.ok) return answer;
  const handle = answer.value.result.handle('CREATE_COUNTERS_HANDLE');
  return { ok: true, value: rdmaObject('counters', handle) };
}

/** As many values as a driver may have; those that it has not stay zero. */
const COUNTERS = 32;

/**
 * EINVAL while no rule counts into them: only the rule has said what they count.
 * Source: uverbs_std_types_counters.c, UVERBS_METHOD_COUNTERS_READ
 */
export function readCounters(context: Context, counters: RdmaObject): CallOutcome<Facts> {
  const answer = method(context, uverbsMethods.COUNTERS_READ, {
    READ_COUNTERS_HANDLE: counters.handle,
    READ_COUNTERS_BUFF: room(8 * COUNTERS),
  });
  if (!answer.ok) return answer;
  const bytes = answer.value.result.bytes('READ_COUNTERS_BUFF');
  const values = Array.from({ length: COUNTERS }, (_, i) => bytes.readBigUInt64LE(8 * i));
  return { ok: true, value: { values } };
}
