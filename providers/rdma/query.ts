import type { CallOutcome } from '../../uapi/call-outcome.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import type { Facts, How, RdmaObject } from '../contract-verbs.ts';
import { command } from './call.ts';
import type { Context } from './context.ts';
import { factsOf, swapped64 } from './facts.ts';
import { gidText } from './gid.ts';
import { mtuBytes, PORT_STATES, QP_STATES } from './words.ts';

const numbered = (words: readonly string[]) => (value: number) => words[value] ?? value;

export function queryDevice(
  context: Context,
  how: How & { readonly extended?: boolean },
): CallOutcome<Facts> {
  return how.extended === true ? extendedDevice(context, how) : plainDevice(context, how);
}

function plainDevice(context: Context, how: How): CallOutcome<Facts> {
  const answer = command(context, {
    name: 'QUERY_DEVICE',
    id: h.IB_USER_VERBS_CMD_QUERY_DEVICE,
    request: h.ib_uverbs_query_device.make(),
    responseSize: h.ib_uverbs_query_device_resp.size,
    abi: how.abi,
  });
  return answer.ok ? { ok: true, value: deviceFacts(answer.value.response) } : answer;
}

function extendedDevice(context: Context, how: How): CallOutcome<Facts> {
  const answer = command(context, {
    name: 'EX_QUERY_DEVICE',
    id: h.IB_USER_VERBS_CMD_QUERY_DEVICE,
    extended: true,
    request: h.ib_uverbs_ex_query_device.make(),
    responseSize: h.ib_uverbs_ex_query_device_resp.size,
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const { response } = answer.value;
  const { base: _, ...extra } = h.ib_uverbs_ex_query_device_resp.decode(response);
  return { ok: true, value: { ...deviceFacts(response), ...factsOf(extra) } };
}

/** The GUIDs are in network order. */
function deviceFacts(response: Buffer): Facts {
  const { node_guid, sys_image_guid, ...rest } = h.ib_uverbs_query_device_resp.decode(response);
  const guids = { nodeGuid: swapped64(node_guid), sysImageGuid: swapped64(sys_image_guid) };
  return { ...factsOf(rest), ...guids };
}

const PORT_WORDS = { state: numbered(PORT_STATES), maxMtu: mtuBytes, activeMtu: mtuBytes };

export function queryPort(context: Context, port: number, how: How): CallOutcome<Facts> {
  const answer = command(context, {
    name: 'QUERY_PORT',
    id: h.IB_USER_VERBS_CMD_QUERY_PORT,
    request: h.ib_uverbs_query_port.make({ port_num: port }),
    responseSize: h.ib_uverbs_query_port_resp.size,
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const facts = factsOf(h.ib_uverbs_query_port_resp.decode(answer.value.response), PORT_WORDS);
  return { ok: true, value: facts };
}

export function query(context: Context, object: RdmaObject, how: How): CallOutcome<Facts> {
  switch (object.kind) {
    case 'qp':
      return queryQp(context, object, how);
    case 'srq':
      return querySrq(context, object, how);
    default:
      throw new TypeError(`there is no query of a ${object.kind}`);
  }
}

const QP_WORDS = {
  qpState: numbered(QP_STATES),
  curQpState: numbered(QP_STATES),
  pathMtu: mtuBytes,
};

/** All that there is to ask for: the mask says what the caller wants, drivers give all. */
const WHOLE_QP = 0xfffff;

function queryQp(context: Context, { handle }: RdmaObject, how: How): CallOutcome<Facts> {
  const answer = command(context, {
    name: 'QUERY_QP',
    id: h.IB_USER_VERBS_CMD_QUERY_QP,
    request: h.ib_uverbs_query_qp.make({ qp_handle: handle, attr_mask: WHOLE_QP }),
    responseSize: h.ib_uverbs_query_qp_resp.size,
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const decoded = h.ib_uverbs_query_qp_resp.decode(answer.value.response);
  const dgid = gidText(Uint8Array.from(decoded.dest.dgid));
  const facts = factsOf(decoded, QP_WORDS);
  return { ok: true, value: { ...facts, dest: { ...factsOf({ ...decoded.dest }), dgid } } };
}

function querySrq(context: Context, { handle }: RdmaObject, how: How): CallOutcome<Facts> {
  const answer = command(context, {
    name: 'QUERY_SRQ',
    id: h.IB_USER_VERBS_CMD_QUERY_SRQ,
    request: h.ib_uverbs_query_srq.make({ srq_handle: handle }),
    responseSize: h.ib_uverbs_query_srq_resp.size,
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  return { ok: true, value: factsOf(h.ib_uverbs_query_srq_resp.decode(answer.value.response)) };
}
