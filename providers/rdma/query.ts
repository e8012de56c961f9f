import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { ib_uverbs_query_port_resp_ex } from '../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { uverbsCommands } from '../../uapi/headers/rdma/uverbs-commands.ts';
import { uverbsMethods } from '../../uapi/headers/rdma/uverbs-methods.ts';
import type { Facts, How, RdmaObject } from '../contract-verbs.ts';
import { byMethod, command, driverData, method, room } from './call.ts';
import { readCompCntr } from './completion-counters.ts';
import type { Context } from './context.ts';
import { readCounters } from './counters.ts';
import { factsOf, swapped64 } from './facts.ts';
import { gidText } from './gid.ts';
import { queryMr } from './more-memory.ts';
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
    command: uverbsCommands.QUERY_DEVICE,
    request: h.ib_uverbs_query_device.make(),
    abi: how.abi,
  });
  return answer.ok ? { ok: true, value: deviceFacts(answer.value.response) } : answer;
}

function extendedDevice(context: Context, how: How): CallOutcome<Facts> {
  const answer = command(context, {
    command: uverbsCommands.EX_QUERY_DEVICE,
    request: h.ib_uverbs_ex_query_device.make(),
    driver: driverData(context, 'query-device', {}),
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const { response, driver } = answer.value;
  const { base: _, ...extra } = h.ib_uverbs_ex_query_device_resp.decode(response);
  const own = context.part.deviceFacts?.(driver);
  const facts = { ...deviceFacts(response), ...factsOf(extra) };
  return { ok: true, value: own === undefined ? facts : { ...facts, driver: own } };
}

/** The GUIDs are in network order. */
function deviceFacts(response: Buffer): Facts {
  const { node_guid, sys_image_guid, ...rest } = h.ib_uverbs_query_device_resp.decode(response);
  const guids = { nodeGuid: swapped64(node_guid), sysImageGuid: swapped64(sys_image_guid) };
  return { ...factsOf(rest), ...guids };
}

const PORT_WORDS = { state: numbered(PORT_STATES), maxMtu: mtuBytes, activeMtu: mtuBytes };

export function queryPort(context: Context, port: number, how: How): CallOutcome<Facts> {
  return byMethod(how) ? portByMethod(context, port) : portByCommand(context, port, how);
}

/** The method tells more: capabilities that came late, and the speed in other words. */
function portByMethod(context: Context, port: number): CallOutcome<Facts> {
  const answer = method(context, uverbsMethods.QUERY_PORT, {
    QUERY_PORT_PORT_NUM: port,
    QUERY_PORT_RESP: room(ib_uverbs_query_port_resp_ex.size),
  });
  if (!answer.ok) return answer;
  const bytes = answer.value.result.bytes('QUERY_PORT_RESP');
  const { legacy_resp, ...extra } = ib_uverbs_query_port_resp_ex.decode(bytes);
  return { ok: true, value: { ...factsOf(legacy_resp, PORT_WORDS), ...factsOf(extra) } };
}

function portByCommand(context: Context, port: number, how: How): CallOutcome<Facts> {
  const answer = command(context, {
    command: uverbsCommands.QUERY_PORT,
    request: h.ib_uverbs_query_port.make({ port_num: port }),
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const facts = factsOf(h.ib_uverbs_query_port_resp.decode(answer.value.response), PORT_WORDS);
  return { ok: true, value: facts };
}

/** Source: uverbs_std_types_device.c, QUERY_PORT_SPEED */
export function queryPortSpeed(context: Context, port: number): CallOutcome<Facts> {
  const answer = method(context, uverbsMethods.QUERY_PORT_SPEED, {
    QUERY_PORT_SPEED_PORT_NUM: port,
    QUERY_PORT_SPEED_RESP: room(8),
  });
  if (!answer.ok) return answer;
  return { ok: true, value: { speed: answer.value.result.number('QUERY_PORT_SPEED_RESP') } };
}

export function query(context: Context, object: RdmaObject, how: How): CallOutcome<Facts> {
  switch (object.kind) {
    case 'qp':
      return queryQp(context, object, how);
    case 'srq':
      return querySrq(context, object, how);
    case 'mr':
    case 'dmabuf-mr':
    case 'dm-mr':
      return queryMr(context, object);
    case 'counters':
      return readCounters(context, object);
    case 'comp-cntr':
      return readCompCntr(context, object);
    default:
      throw new TypeError(`there is no query of a ${object.kind}`);
  }
}

const QP_WORDS = {
  qpState: numbered(QP_STATES),
  curQpState: numbered(QP_STATES),
  pathMtu: mtuBytes,
};

/** All that there is to ask for: the mask says what the caller wants, most drivers give all. */
const WHOLE_QP = 0xfffff;

function queryQp(context: Context, { handle }: RdmaObject, how: How): CallOutcome<Facts> {
  const attr_mask = context.part.queryMask ?? WHOLE_QP;
  const answer = command(context, {
    command: uverbsCommands.QUERY_QP,
    request: h.ib_uverbs_query_qp.make({ qp_handle: handle, attr_mask }),
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
    command: uverbsCommands.QUERY_SRQ,
    request: h.ib_uverbs_query_srq.make({ srq_handle: handle }),
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  return { ok: true, value: factsOf(h.ib_uverbs_query_srq_resp.decode(answer.value.response)) };
}
