import type { CallOutcome } from '../../uapi/call-outcome.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { uverbsCommands } from '../../uapi/headers/rdma/uverbs-commands.ts';
import { FLOW_TYPES, type FlowSpec } from '../contract-flow.ts';
import type { CreateRequests, How, RdmaObject } from '../contract-verbs.ts';
import { command, driverData } from './call.ts';
import { type Context, rdmaObject } from './context.ts';
import type { FlowWant } from './driver.ts';
import { encodeFlowSpec } from './flow-specs.ts';

/** How many rules count into them. */
const rulesOf = new WeakMap<RdmaObject, number>();

/**
 * A rule; without specs all that its type is of.
 *
 * EPERM without CAP_NET_RAW; EINVAL also for what the specs leave over, or a QP neither of raw packets nor UD.
 * Source: uverbs_cmd.c, ib_uverbs_ex_create_flow()
 */
export function createFlow(
  context: Context,
  want: CreateRequests['flow'],
  how: How,
): CallOutcome<RdmaObject> {
  const counters = countersOf(want.specs ?? []);
  const fresh = counters.filter((one) => !rulesOf.has(one));
  const answer = command(context, {
    command: uverbsCommands.EX_CREATE_FLOW,
    request: encodeFlow(want),
    driver: driverData(context, 'flow', { ...want, fresh } satisfies FlowWant),
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const handle = h.ib_uverbs_create_flow_resp.get(answer.value.response, 'flow_handle');
  const flow = rdmaObject('flow', handle);
  if (counters.length > 0) noteCounting(context, flow, counters);
  return { ok: true, value: flow };
}

function countersOf(specs: readonly FlowSpec[]): RdmaObject[] {
  return specs.flatMap((spec) => ('counters' in spec ? [spec.counters] : []));
}

/** The struct with the attributes, and the specs behind it. */
export function encodeFlow(want: CreateRequests['flow']): Buffer {
  const { qp, port, type = 'normal', priority = 0, specs = [] } = want;
  const encoded = specs.map(encodeFlowSpec);
  const size = encoded.reduce((sum, { length }) => sum + length, 0);
  const head = h.ib_uverbs_create_flow.make({
    qp_handle: qp.handle,
    flow_attr: {
      type: FLOW_TYPES.indexOf(type),
      size,
      priority,
      num_of_specs: specs.length,
      port,
    },
  });
  return Buffer.concat([head, ...encoded]);
}

/** Counters are fresh again when the last rule that counts into them is gone. */
function noteCounting(context: Context, flow: RdmaObject, counters: readonly RdmaObject[]): void {
  for (const one of counters) rulesOf.set(one, (rulesOf.get(one) ?? 0) + 1);
  const close = () => {
    for (const one of counters) {
      const left = (rulesOf.get(one) ?? 1) - 1;
      if (left > 0) rulesOf.set(one, left);
      else rulesOf.delete(one);
    }
  };
  context.kept.add(flow, { close });
}
