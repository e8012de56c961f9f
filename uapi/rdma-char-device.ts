import type { CallOutcome } from './call-outcome.ts';
import { NETLINK_RDMA } from './headers/linux/netlink.ts';
import {
  RDMA_NLDEV_ATTR_CHARDEV,
  RDMA_NLDEV_ATTR_CHARDEV_ABI,
  RDMA_NLDEV_ATTR_CHARDEV_NAME,
  RDMA_NLDEV_ATTR_CHARDEV_TYPE,
  RDMA_NLDEV_ATTR_DEV_INDEX,
  RDMA_NLDEV_ATTR_PORT_INDEX,
  RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID,
  RDMA_NLDEV_CMD_GET_CHARDEV,
} from './headers/rdma/rdma-netlink.ts';
import { tryNetlink } from './netlink.ts';
import {
  Attributes,
  attributes,
  type NetlinkMessage,
  type NetlinkRequest,
} from './netlink-message.ts';
import { nldevType } from './rdma-netlink.ts';

/** The node through which a client of the RDMA core is reached. */

/**
 * The kernel loads the module of a client that it lacks, so no others: uverbs is there where a device
 * is open, and rdma_cm is to be asked for only where its node is there.
 */
export type CharDeviceClient = 'uverbs' | 'rdma_cm';

export interface CharDeviceQuestion {
  readonly client: CharDeviceClient;
  /** Without one, a client that has one node for all devices: rdma_cm. */
  readonly deviceIndex?: number;
  /** Clients with a node for each port take one; uverbs answers EINVAL. */
  readonly port?: number | undefined;
}

export interface CharDevice {
  /** Under /dev/infiniband/. */
  readonly name: string;
  /** As st_rdev has it. */
  readonly number: number;
  /** Version of its ABI; of uverbs the driver's. */
  readonly abi: number;
  /** enum rdma_driver_id, of uverbs. */
  readonly driverId?: number;
}

/** Source: drivers/infiniband/core/nldev.c, nldev_get_chardev(); include/uapi/rdma/rdma_netlink.h */
export function charDeviceRequest(question: CharDeviceQuestion): NetlinkRequest {
  const { client, deviceIndex, port } = question;
  const payload = Buffer.concat([
    attributes.string(RDMA_NLDEV_ATTR_CHARDEV_TYPE, client),
    ...(deviceIndex === undefined ? [] : [attributes.u32(RDMA_NLDEV_ATTR_DEV_INDEX, deviceIndex)]),
    ...(port === undefined ? [] : [attributes.u32(RDMA_NLDEV_ATTR_PORT_INDEX, port)]),
  ]);
  return { type: nldevType(RDMA_NLDEV_CMD_GET_CHARDEV), payload };
}

export function parseCharDevice(reply: readonly NetlinkMessage[]): CharDevice {
  const row = new Attributes(Buffer.concat(reply.map(({ payload }) => payload)));
  const driverId = row.number(RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID);
  return {
    name: row.string(RDMA_NLDEV_ATTR_CHARDEV_NAME) ?? '',
    number: row.number(RDMA_NLDEV_ATTR_CHARDEV) ?? 0,
    abi: row.number(RDMA_NLDEV_ATTR_CHARDEV_ABI) ?? 0,
    ...(driverId === undefined ? {} : { driverId }),
  };
}

/**
 * @returns EINVAL for a device or a port that is not there, or a port with a client that has none;
 * EOPNOTSUPP for a client without such nodes
 */
export function tryCharDevice(question: CharDeviceQuestion): CallOutcome<CharDevice> {
  const answer = tryNetlink(NETLINK_RDMA, charDeviceRequest(question));
  if (!answer.ok) return { ...answer, call: `RDMA_NLDEV_CMD_GET_CHARDEV ${question.client}` };
  return { ok: true, value: parseCharDevice(answer.value) };
}
