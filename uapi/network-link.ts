import type { CallOutcome } from './call-outcome.ts';
import { E } from './errno.ts';
import { NETLINK_ROUTE } from './headers/linux/netlink.ts';
import {
  ifinfomsg,
  RTA_MULTIPATH,
  RTA_OIF,
  RTM_GETROUTE,
  RTM_NEWLINK,
  RTPROT_KERNEL,
  rtmsg,
} from './headers/linux/rtnetlink.ts';
import { tryNetlink } from './netlink.ts';
import { Attributes, attributes } from './netlink-message.ts';
import { sysfsText } from './sysfs.ts';

/** Network devices: whether they are up, how large their packets are, and what depends on them. */

/** Source: include/uapi/linux/if.h, enum net_device_flags */
const IFF_UP = 1;
/** Source: include/uapi/linux/if_link.h */
const IFLA_MTU = 4;

export interface NetworkLink {
  readonly index: number;
  /** An administrator has set it up; there may be no carrier. */
  readonly isUp: boolean;
  /** Bytes. */
  readonly mtu: number;
}

/** @returns undefined where there is none of this name */
export function networkLink(name: string): NetworkLink | undefined {
  const read = (attribute: string) => sysfsText(`/sys/class/net/${name}/${attribute}`);
  const index = read('ifindex');
  if (index === undefined) return undefined;
  const isUp = (Number(read('flags')) & IFF_UP) !== 0;
  return { index: Number(index), isUp, mtu: Number(read('mtu')) };
}

export interface LinkChange {
  readonly isUp?: boolean | undefined;
  /** Bytes. */
  readonly mtu?: number | undefined;
}

/** Changes what is named and nothing else. Source: net/core/rtnetlink.c, do_setlink() */
export function trySetNetworkLink(name: string, change: LinkChange): CallOutcome<undefined> {
  const call = `RTM_NEWLINK ${name} ${JSON.stringify(change)}`;
  const link = networkLink(name);
  if (link === undefined) return { ok: false, errno: E.ENODEV, call };
  const { isUp, mtu } = change;
  const header = ifinfomsg.make({
    ifi_index: link.index,
    ...(isUp !== undefined && { ifi_flags: isUp ? IFF_UP : 0, ifi_change: IFF_UP }),
  });
  const attribute = mtu === undefined ? [] : [attributes.u32(IFLA_MTU, mtu)];
  const payload = Buffer.concat([header, ...attribute]);
  const answer = tryNetlink(NETLINK_ROUTE, { type: RTM_NEWLINK, payload });
  return answer.ok ? { ok: true, value: undefined } : { ...answer, call };
}

/**
 * Routes of all tables that somebody has set and that would be lost if the network device went down;
 * those that the kernel made for its addresses come again with it. A route over several devices counts
 * for each.
 *
 * @returns undefined where the kernel does not tell
 */
export function routesSetOver(index: number): number | undefined {
  const answer = tryNetlink(NETLINK_ROUTE, {
    type: RTM_GETROUTE,
    isDump: true,
    payload: rtmsg.make({}),
  });
  if (!answer.ok) return undefined;
  return answer.value.filter(({ payload }) => {
    const route = new Attributes(payload.subarray(rtmsg.size));
    const isOver = route.number(RTA_OIF) === index || route.has(RTA_MULTIPATH);
    return isOver && rtmsg.get(payload, 'rtm_protocol') !== RTPROT_KERNEL;
  }).length;
}
