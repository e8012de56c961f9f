import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { O_CLOEXEC, O_RDWR } from '../../uapi/constants.ts';
import { errnoName } from '../../uapi/errno.ts';
import { networkLink, routesSetOver } from '../../uapi/network-link.ts';
import { isNetworkAdministrator } from '../../uapi/privilege.ts';
import { tryClose, tryOpen } from '../../uapi/sys.ts';
import { sysfsEntries, sysfsText } from '../../uapi/sysfs.ts';
import type { Device } from '../contract.ts';
import { slotRefusal } from '../pci-slot.ts';
import type { Missing } from './probe-reasons.ts';

/** Whether a device may be taken away, and its port switched. Nothing is tried: it is looked up. */
export function probePlug(device: Device): Missing {
  const { identity } = device;
  const missing: Missing = {};
  const port = noPortSwitch(identity['netdev']);
  if (port !== undefined) missing['port-switch'] = port;
  const link = noLink(identity);
  if (link !== undefined) missing['rdma-link'] = link;
  const { slot } = identity;
  const unplug = slot === undefined ? link : slotRefusal(slot);
  if (unplug !== undefined) missing.unplug = unplug;
  return {
    ...missing,
    ...(missing.unplug === undefined ? probeRemoval(device) : notRemoved(missing.unplug)),
  };
}

/**
 * The kernel tells nobody which devices it lets an administrator remove: those that he has made.
 * Source: drivers/infiniband/core/nldev.c, nldev_dellink(), IBK_ALLOW_USER_UNREG
 */
function noLink({ where, netdev }: Device['identity']): string | undefined {
  if (where !== 'software driver')
    return 'only software devices are made by a command: rxe and siw';
  if (netdev === undefined) return 'no network device is known, so it could not be made again';
  return isNetworkAdministrator() ? undefined : NO_PRIVILEGE;
}

function notRemoved(reason: string): Missing {
  return { 'unplug-waits': reason, 'unplug-cuts': reason };
}

/**
 * A driver that cannot cut off who has its device open is held in memory by each open file.
 * Source: drivers/infiniband/core/uverbs_main.c, ib_uverbs_open(), module_dependent
 */
function probeRemoval({ node, identity }: Device): Missing {
  const driver = identity['driver'] ?? '';
  const modules = [`rdma_${driver}`, `${driver}_ib`, driver];
  const counters = modules.map((name) => `/sys/module/${name}/refcnt`);
  const counter = counters.find((path) => existsSync(path));
  if (counter === undefined)
    return notRemoved(`whether ${driver} waits is not known: it is no module`);
  const before = Number(sysfsText(counter));
  const { ret, errno } = tryOpen(node, O_RDWR | O_CLOEXEC);
  if (errno !== 0) return notRemoved(`${errnoName(errno)} from open`);
  const now = Number(sysfsText(counter));
  tryClose(ret);
  if (now > before) return { 'unplug-cuts': `${driver} waits for who has the device open` };
  return { 'unplug-waits': `${driver} cuts off who has the device open` };
}

const NO_PRIVILEGE = 'needs CAP_NET_ADMIN: run as root';

/**
 * An interface that goes down loses its routes, the neighbours that somebody has set, and its IPv6
 * addresses but the one that the kernel makes: all that others may have set must stay.
 */
function noPortSwitch(netdev: string | undefined): string | undefined {
  const link = netdev === undefined ? undefined : networkLink(netdev);
  if (netdev === undefined || link === undefined) return 'the port has no network device';
  if (!isNetworkAdministrator()) return NO_PRIVILEGE;
  if (!link.isUp) return `${netdev} is down: ip link set ${netdev} up`;
  if (existsSync(`/sys/class/net/${netdev}/master`)) return `${netdev} is part of a bridge or bond`;
  if (sysfsText(`/sys/class/net/${netdev}/device/uevent`) !== undefined) {
    return `${netdev} is hardware: somebody may be connected through it`;
  }
  const other = sysfsEntries(`/sys/class/net/${netdev}`).find((entry) =>
    /^(lower|upper)_/.test(entry),
  );
  if (other !== undefined) return `${netdev} stands on or below another one: ${other}`;
  const routes = routesSetOver(link.index);
  if (routes === undefined) return `whether ${netdev} has routes to lose is not known`;
  if (routes > 0) return `${netdev} has ${routes} routes that would be lost with it`;
  if (hasSetNeighbours(netdev)) return `${netdev} has neighbours that would be lost with it`;
  const lost = (networkInterfaces()[netdev] ?? []).find(
    ({ family, address }) => family === 'IPv6' && !address.startsWith('fe80:'),
  );
  if (lost !== undefined) return `${netdev} has ${lost.address}, which would be lost with it`;
  return undefined;
}

/** Source: net/ipv4/arp.c, arp_seq_show(); include/uapi/linux/if_arp.h, ATF_PERM */
const ATF_PERM = 4;

function hasSetNeighbours(netdev: string): boolean {
  const rows = readFileSync('/proc/net/arp', 'latin1').trim().split('\n').slice(1);
  return rows.some((row) => {
    const [, , flags, , , device] = row.split(/\s+/);
    return device === netdev && (Number(flags) & ATF_PERM) !== 0;
  });
}
