import type { CallOutcome } from './call-outcome.ts';
import { E } from './errno.ts';
import { NETLINK_RDMA } from './headers/linux/netlink.ts';
import {
  RDMA_NLDEV_ATTR_DEV_INDEX,
  RDMA_NLDEV_ATTR_DEV_NAME,
  RDMA_NLDEV_ATTR_LINK_TYPE,
  RDMA_NLDEV_ATTR_NDEV_NAME,
  RDMA_NLDEV_CMD_DELLINK,
  RDMA_NLDEV_CMD_NEWLINK,
} from './headers/rdma/rdma-netlink.ts';
import { tryNetlink } from './netlink.ts';
import { attributes, type NetlinkRequest } from './netlink-message.ts';
import { nldevType, parseRdmaDevices, rdmaDevicesRequest } from './rdma-netlink.ts';

/** Making and removing RDMA devices over a network device, as `rdma link add` and `delete` do. */

export interface RdmaLink {
  /** The device's name, `rxe0`. */
  readonly name: string;
  /** The driver, `rxe`: the kernel loads the module `rdma-link-rxe`. */
  readonly driver: string;
  /** The network device. */
  readonly netdev: string;
}

export function newLinkRequest({ name, driver, netdev }: RdmaLink): NetlinkRequest {
  const payload = Buffer.concat([
    attributes.string(RDMA_NLDEV_ATTR_DEV_NAME, name),
    attributes.string(RDMA_NLDEV_ATTR_LINK_TYPE, driver),
    attributes.string(RDMA_NLDEV_ATTR_NDEV_NAME, netdev),
  ]);
  return { type: nldevType(RDMA_NLDEV_CMD_NEWLINK), payload };
}

export function deleteLinkRequest(index: number): NetlinkRequest {
  const payload = attributes.u32(RDMA_NLDEV_ATTR_DEV_INDEX, index);
  return { type: nldevType(RDMA_NLDEV_CMD_DELLINK), payload };
}

/** Source: drivers/infiniband/core/nldev.c, nldev_newlink() */
export function addRdmaLink(link: RdmaLink): CallOutcome<undefined> {
  const { name, driver, netdev } = link;
  const call = `RDMA_NLDEV_CMD_NEWLINK ${name} type ${driver} netdev ${netdev}`;
  const answer = tryNetlink(NETLINK_RDMA, newLinkRequest(link));
  return answer.ok ? { ok: true, value: undefined } : { ...answer, call };
}

/**
 * Returns when the device is gone. Of a driver without disassociate_ucontext that is when nobody has it
 * open any more, and until then nothing ends the call, not even a signal.
 * Source: drivers/infiniband/core/nldev.c, nldev_dellink(); uverbs_main.c, ib_uverbs_remove_one()
 */
export function deleteRdmaLink(index: number): CallOutcome<undefined> {
  const answer = tryNetlink(NETLINK_RDMA, deleteLinkRequest(index));
  const call = `RDMA_NLDEV_CMD_DELLINK ${index}`;
  return answer.ok ? { ok: true, value: undefined } : { ...answer, call };
}

/** What netlink knows a device by; ENODEV for one that is not there, or on its way out. */
export function tryRdmaLinkIndex(name: string): CallOutcome<number> {
  const answer = tryNetlink(NETLINK_RDMA, rdmaDevicesRequest);
  const devices = answer.ok ? parseRdmaDevices(answer.value) : [];
  const index = devices.find((one) => one.name === name)?.index;
  if (index === undefined) return { ok: false, errno: E.ENODEV, call: `find ${name}` };
  return { ok: true, value: index };
}
