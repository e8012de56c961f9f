import {
  RDMA_NL_NLDEV,
  RDMA_NLDEV_ATTR_DEV_INDEX,
  RDMA_NLDEV_ATTR_DEV_NAME,
  RDMA_NLDEV_ATTR_RES_CM_ID,
  RDMA_NLDEV_ATTR_RES_CM_ID_ENTRY,
  RDMA_NLDEV_ATTR_RES_CM_IDN,
  RDMA_NLDEV_ATTR_RES_CQ,
  RDMA_NLDEV_ATTR_RES_CQ_ENTRY,
  RDMA_NLDEV_ATTR_RES_CQN,
  RDMA_NLDEV_ATTR_RES_CTX,
  RDMA_NLDEV_ATTR_RES_CTX_ENTRY,
  RDMA_NLDEV_ATTR_RES_CTXN,
  RDMA_NLDEV_ATTR_RES_KERN_NAME,
  RDMA_NLDEV_ATTR_RES_LQPN,
  RDMA_NLDEV_ATTR_RES_MR,
  RDMA_NLDEV_ATTR_RES_MR_ENTRY,
  RDMA_NLDEV_ATTR_RES_MRN,
  RDMA_NLDEV_ATTR_RES_PD,
  RDMA_NLDEV_ATTR_RES_PD_ENTRY,
  RDMA_NLDEV_ATTR_RES_PDN,
  RDMA_NLDEV_ATTR_RES_PID,
  RDMA_NLDEV_ATTR_RES_QP,
  RDMA_NLDEV_ATTR_RES_QP_ENTRY,
  RDMA_NLDEV_ATTR_RES_SRQ,
  RDMA_NLDEV_ATTR_RES_SRQ_ENTRY,
  RDMA_NLDEV_ATTR_RES_SRQN,
  RDMA_NLDEV_ATTR_RES_SUMMARY,
  RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY,
  RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY_CURR,
  RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY_NAME,
  RDMA_NLDEV_CMD_GET,
  RDMA_NLDEV_CMD_RES_CM_ID_GET,
  RDMA_NLDEV_CMD_RES_CQ_GET,
  RDMA_NLDEV_CMD_RES_CTX_GET,
  RDMA_NLDEV_CMD_RES_GET,
  RDMA_NLDEV_CMD_RES_MR_GET,
  RDMA_NLDEV_CMD_RES_PD_GET,
  RDMA_NLDEV_CMD_RES_QP_GET,
  RDMA_NLDEV_CMD_RES_SRQ_GET,
} from './headers/rdma/rdma-netlink.ts';
import {
  Attributes,
  attributes,
  type NetlinkMessage,
  type NetlinkRequest,
} from './netlink-message.ts';

/**
 * What the RDMA core tells through netlink (NETLINK_RDMA) about devices and their resources: requests,
 * and what their replies mean. Send them with netlink.ts.
 */

/** Source: include/uapi/rdma/rdma_netlink.h, RDMA_NL_GET_TYPE() */
export function nldevType(command: number): number {
  return (RDMA_NL_NLDEV << 10) + command;
}

export interface RdmaDevice {
  /** What every other request names the device by; a device that comes again has a new one. */
  readonly index: number;
  /** `rxe0`, as under /sys/class/infiniband. */
  readonly name: string;
}

export const rdmaDevicesRequest: NetlinkRequest = {
  type: nldevType(RDMA_NLDEV_CMD_GET),
  isDump: true,
};

export function parseRdmaDevices(reply: readonly NetlinkMessage[]): readonly RdmaDevice[] {
  return reply.flatMap(({ payload }) => {
    const row = new Attributes(payload);
    const index = row.number(RDMA_NLDEV_ATTR_DEV_INDEX);
    const name = row.string(RDMA_NLDEV_ATTR_DEV_NAME);
    return index === undefined || name === undefined ? [] : [{ index, name }];
  });
}

const ofDevice = (index: number): Buffer => attributes.u32(RDMA_NLDEV_ATTR_DEV_INDEX, index);

/**
 * How many objects of each kind a device has, kernel users' included, drivers' own left out.
 * Source: drivers/infiniband/core/nldev.c, nldev_res_get_doit()
 */
export function resourceCountsRequest(deviceIndex: number): NetlinkRequest {
  return { type: nldevType(RDMA_NLDEV_CMD_RES_GET), payload: ofDevice(deviceIndex) };
}

/** Counts by the kernel's names: pd, cq, qp, cm_id, mr, ctx, srq. */
export type ResourceCounts = ReadonlyMap<string, number>;

export function parseResourceCounts(reply: readonly NetlinkMessage[]): ResourceCounts {
  const counts = new Map<string, number>();
  for (const { payload } of reply) {
    const summary = new Attributes(payload).nested(RDMA_NLDEV_ATTR_RES_SUMMARY);
    for (const row of summary.all(RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY)) {
      const name = row.string(RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY_NAME);
      const count = row.number(RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY_CURR);
      if (name !== undefined && count !== undefined) counts.set(name, count);
    }
  }
  return counts;
}

interface ResourceKind {
  readonly command: number;
  readonly table: number;
  readonly row: number;
  readonly id: number;
}

/** Source: drivers/infiniband/core/nldev.c, fill_entries[] and fill_res_*_entry() */
const KINDS: Readonly<Record<string, ResourceKind>> = {
  pd: {
    command: RDMA_NLDEV_CMD_RES_PD_GET,
    table: RDMA_NLDEV_ATTR_RES_PD,
    row: RDMA_NLDEV_ATTR_RES_PD_ENTRY,
    id: RDMA_NLDEV_ATTR_RES_PDN,
  },
  cq: {
    command: RDMA_NLDEV_CMD_RES_CQ_GET,
    table: RDMA_NLDEV_ATTR_RES_CQ,
    row: RDMA_NLDEV_ATTR_RES_CQ_ENTRY,
    id: RDMA_NLDEV_ATTR_RES_CQN,
  },
  qp: {
    command: RDMA_NLDEV_CMD_RES_QP_GET,
    table: RDMA_NLDEV_ATTR_RES_QP,
    row: RDMA_NLDEV_ATTR_RES_QP_ENTRY,
    id: RDMA_NLDEV_ATTR_RES_LQPN,
  },
  cm_id: {
    command: RDMA_NLDEV_CMD_RES_CM_ID_GET,
    table: RDMA_NLDEV_ATTR_RES_CM_ID,
    row: RDMA_NLDEV_ATTR_RES_CM_ID_ENTRY,
    id: RDMA_NLDEV_ATTR_RES_CM_IDN,
  },
  mr: {
    command: RDMA_NLDEV_CMD_RES_MR_GET,
    table: RDMA_NLDEV_ATTR_RES_MR,
    row: RDMA_NLDEV_ATTR_RES_MR_ENTRY,
    id: RDMA_NLDEV_ATTR_RES_MRN,
  },
  ctx: {
    command: RDMA_NLDEV_CMD_RES_CTX_GET,
    table: RDMA_NLDEV_ATTR_RES_CTX,
    row: RDMA_NLDEV_ATTR_RES_CTX_ENTRY,
    id: RDMA_NLDEV_ATTR_RES_CTXN,
  },
  srq: {
    command: RDMA_NLDEV_CMD_RES_SRQ_GET,
    table: RDMA_NLDEV_ATTR_RES_SRQ,
    row: RDMA_NLDEV_ATTR_RES_SRQ_ENTRY,
    id: RDMA_NLDEV_ATTR_RES_SRQN,
  },
};

/** One object of a device, and who made it. */
export interface RdmaResource {
  readonly id: number;
  /** The process that made it, as long as it lives; the kernel tells nothing of dead ones. */
  readonly pid?: number;
  /** The kernel module that made it. */
  readonly kernelName?: string;
}

/** @returns undefined for a kind whose objects the kernel does not list */
export function resourcesRequest(deviceIndex: number, kind: string): NetlinkRequest | undefined {
  const { command } = KINDS[kind] ?? {};
  if (command === undefined) return undefined;
  return { type: nldevType(command), isDump: true, payload: ofDevice(deviceIndex) };
}

/** Source: drivers/infiniband/core/nldev.c, res_get_common_dumpit(), fill_res_name_pid() */
export function parseResources(
  kind: string,
  reply: readonly NetlinkMessage[],
): readonly RdmaResource[] {
  const { table, row, id: idType } = KINDS[kind] ?? {};
  if (table === undefined || row === undefined || idType === undefined) return [];
  const rows = reply.flatMap(({ payload }) => new Attributes(payload).nested(table).all(row));
  return rows.flatMap((one) => {
    const id = one.number(idType);
    if (id === undefined) return [];
    const pid = one.number(RDMA_NLDEV_ATTR_RES_PID);
    const kernelName = one.string(RDMA_NLDEV_ATTR_RES_KERN_NAME);
    return [
      {
        id,
        ...(pid === undefined ? {} : { pid }),
        ...(kernelName === undefined ? {} : { kernelName }),
      },
    ];
  });
}
