import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { O_CREAT } from '../../uapi/constants.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { uverbsCommands } from '../../uapi/headers/rdma/uverbs-commands.ts';
import type { Address, CreateRequests, Facts, How, RdmaObject } from '../contract-verbs.ts';
import { command, driverData } from './call.ts';
import { type Context, rdmaObject } from './context.ts';
import { gidBytes } from './gid.ts';

/** Address handles, multicast groups and XRC domains. */

/** Routers that a packet may pass: as many as IP lets it. */
export const HOP_LIMIT = 64;

export function createAh(
  context: Context,
  want: CreateRequests['ah'],
  how: How,
): CallOutcome<RdmaObject> {
  const answer = command(context, {
    command: uverbsCommands.CREATE_AH,
    request: h.ib_uverbs_create_ah.make({
      pd_handle: want.pd.handle,
      attr: ahAttributes(want.to, want.port),
    }),
    driver: driverData(context, 'ah', want),
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const handle = h.ib_uverbs_create_ah_resp.get(answer.value.response, 'ah_handle');
  const fields = context.part.fields?.('ah', answer.value.driver, want) ?? {};
  return { ok: true, value: rdmaObject('ah', handle, fields) };
}

function ahAttributes(to: Address, port = to.port) {
  return {
    grh: { dgid: gidBytes(to.gid), sgid_index: to.gidIndex, hop_limit: HOP_LIMIT },
    dlid: to.lid,
    is_global: 1,
    port_num: port,
  };
}

export function openXrcd(
  context: Context,
  { inode }: CreateRequests['xrcd'],
  how: How,
): CallOutcome<RdmaObject> {
  const answer = command(context, {
    command: uverbsCommands.OPEN_XRCD,
    // fd is a u32 that the kernel reads as an int: all ones for no inode.
    request: h.ib_uverbs_open_xrcd.make({ fd: (inode ?? -1) >>> 0, oflags: O_CREAT }),
    abi: how.abi,
  });
  if (!answer.ok) return answer;
  const handle = h.ib_uverbs_open_xrcd_resp.get(answer.value.response, 'xrcd_handle');
  return { ok: true, value: rdmaObject('xrcd', handle) };
}

/** ATTACH_MCAST and DETACH_MCAST have structs of one layout. */
export function multicast(
  context: Context,
  verb: 'attach' | 'detach',
  group: { readonly qp: RdmaObject; readonly gid: string; readonly lid: number },
  how: How,
): CallOutcome<Facts> {
  const isAttach = verb === 'attach';
  const answer = command(context, {
    command: isAttach ? uverbsCommands.ATTACH_MCAST : uverbsCommands.DETACH_MCAST,
    request: h.ib_uverbs_attach_mcast.make({
      gid: gidBytes(group.gid),
      qp_handle: group.qp.handle,
      mlid: group.lid,
    }),
    abi: how.abi,
  });
  return answer.ok ? { ok: true, value: {} } : answer;
}
