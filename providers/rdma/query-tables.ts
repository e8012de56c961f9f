import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { UVERBS_OBJECT_MR, UVERBS_OBJECT_PD } from '../../uapi/headers/rdma/ib-user-ioctl-cmds.ts';
import { ib_uverbs_gid_entry } from '../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import { uverbsMethods } from '../../uapi/headers/rdma/uverbs-methods.ts';
import {
  type CharDeviceClient,
  type CharDeviceQuestion,
  tryCharDevice,
} from '../../uapi/rdma-char-device.ts';
import { tryRdmaLinkIndex } from '../../uapi/rdma-link.ts';
import type { Facts } from '../contract-verbs.ts';
import { method, room } from './call.ts';
import type { Context } from './context.ts';
import { GID_TYPES, type GidEntry, gidText } from './gid.ts';

/** Tables of a port and of a context, which methods alone give, and what netlink tells. */

const ENTRY = ib_uverbs_gid_entry;
/** Of the answer alone the filled entries come; rxe has room for 1024. */
const MOST_ENTRIES = 1024;

/** The filled entries of all ports. Source: uverbs_std_types_device.c, QUERY_GID_TABLE */
export function gidTable(context: Context): CallOutcome<readonly GidEntry[]> {
  const answer = method(context, uverbsMethods.QUERY_GID_TABLE, {
    QUERY_GID_TABLE_ENTRY_SIZE: ENTRY.size,
    QUERY_GID_TABLE_RESP_ENTRIES: room(ENTRY.size * MOST_ENTRIES),
    QUERY_GID_TABLE_RESP_NUM_ENTRIES: room(8),
  });
  if (!answer.ok) return answer;
  const { result } = answer.value;
  const bytes = result.bytes('QUERY_GID_TABLE_RESP_ENTRIES');
  const count = Number(result.number('QUERY_GID_TABLE_RESP_NUM_ENTRIES'));
  const entries = Array.from({ length: count }, (_, i) =>
    gidEntry(bytes.subarray(i * ENTRY.size, (i + 1) * ENTRY.size)),
  );
  return { ok: true, value: entries };
}

function gidEntry(bytes: Buffer): GidEntry {
  return {
    gid: gidText(ENTRY.bytes(bytes, 'gid')),
    index: ENTRY.get(bytes, 'gid_index'),
    port: ENTRY.get(bytes, 'port_num'),
    type: GID_TYPES[ENTRY.get(bytes, 'gid_type')] ?? 'ib',
    ifindex: ENTRY.get(bytes, 'netdev_ifindex'),
  };
}

export function queryGidTable(context: Context): CallOutcome<Facts> {
  const table = gidTable(context);
  if (!table.ok) return table;
  return { ok: true, value: { entries: table.value.map((entry) => ({ ...entry })) } };
}

export function queryGid(context: Context, port: number, index: number): CallOutcome<Facts> {
  const answer = method(context, uverbsMethods.QUERY_GID_ENTRY, {
    QUERY_GID_ENTRY_PORT: port,
    QUERY_GID_ENTRY_GID_INDEX: index,
    QUERY_GID_ENTRY_FLAGS: 0,
    QUERY_GID_ENTRY_RESP_ENTRY: room(ENTRY.size),
  });
  if (!answer.ok) return answer;
  const entry = gidEntry(answer.value.result.bytes('QUERY_GID_ENTRY_RESP_ENTRY'));
  return { ok: true, value: { ...entry } };
}

/** Handles that are listed; the total tells how many there are. */
const MOST_HANDLES = 1024;

export function infoHandles(context: Context, objectId: number): CallOutcome<Facts> {
  const answer = method(context, uverbsMethods.INFO_HANDLES, {
    INFO_OBJECT_ID: objectId,
    INFO_TOTAL_HANDLES: room(4),
    INFO_HANDLES_LIST: room(4 * MOST_HANDLES),
  });
  if (!answer.ok) return answer;
  const { result } = answer.value;
  const total = Number(result.number('INFO_TOTAL_HANDLES'));
  const bytes = result.bytes('INFO_HANDLES_LIST');
  const listed = Math.min(total, MOST_HANDLES);
  const handles = Array.from({ length: listed }, (_, i) => bytes.readUInt32LE(4 * i));
  const own = ownHandles(context, objectId);
  const others = handles.filter((handle) => !own.has(handle));
  return { ok: true, value: { handles: others, total: total - (handles.length - others.length) } };
}

/** Objects that the part of the driver needs for its queues: nobody asked for them. */
function ownHandles(context: Context, objectId: number): ReadonlySet<number> {
  if (objectId === UVERBS_OBJECT_MR) return new Set([...context.registered.values()].flat());
  const { queuePd } = context;
  return new Set(objectId === UVERBS_OBJECT_PD && queuePd !== undefined ? [queuePd.handle] : []);
}

export function queryCharDevice(
  { ibdev }: Context,
  client: CharDeviceClient,
  port?: number,
): CallOutcome<Facts> {
  if (client === 'rdma_cm') return charDeviceFacts({ client, port });
  const index = tryRdmaLinkIndex(ibdev);
  return index.ok ? charDeviceFacts({ client, deviceIndex: index.value, port }) : index;
}

function charDeviceFacts(question: CharDeviceQuestion): CallOutcome<Facts> {
  const answer = tryCharDevice(question);
  return answer.ok ? { ok: true, value: { ...answer.value } } : answer;
}
