import { existsSync } from 'node:fs';
import { errnoName } from '../../uapi/errno.ts';
import { networkLink, trySetNetworkLink } from '../../uapi/network-link.ts';
import { within } from '../../uapi/sys-child.ts';
import { uverbsNodeOf } from '../../uapi/sysfs-rdma.ts';
import type { Device } from '../contract.ts';
import type { KeptDevice } from '../contract-plug.ts';
import { ibdevOf } from './ibdev.ts';
import { partOf } from './parts.ts';
import { makeDevice } from './remake.ts';
import { openSession } from './session.ts';

/** Devices as they were before a case took them away or switched their ports. */

/** A removal ends when the last process that has the device open is gone. */
const REMOVAL_LIMIT_MS = 5_000;
/** Addresses come with the network device's; some of them by work that the kernel puts off. */
const PORT_LIMIT_MS = 5_000;

export function remember(device: Device): KeptDevice {
  const link = networkLink(device.identity['netdev'] ?? '');
  const state = {
    port: portOf(device) ?? '',
    ...(link !== undefined && { isUp: link.isUp, mtu: link.mtu }),
  };
  return { device, state };
}

export function putBack({ device, state }: KeptDevice): string | undefined {
  return linkBack(device, state) ?? deviceBack(device) ?? portBack(device, state);
}

/** Only what differs: to set an interface up that is up would be told as an event. */
function linkBack({ identity }: Device, state: KeptDevice['state']): string | undefined {
  const { isUp, mtu } = state;
  const { netdev = '' } = identity;
  const now = networkLink(netdev);
  if (now === undefined || typeof isUp !== 'boolean' || typeof mtu !== 'number') return undefined;
  if (now.isUp === isUp && now.mtu === mtu) return undefined;
  const set = trySetNetworkLink(netdev, { isUp, mtu });
  if (set.ok) return undefined;
  const mend = `ip link set ${netdev} ${isUp ? 'up' : 'down'} mtu ${mtu}`;
  return `${netdev} could not be set as it was: ${errnoName(set.errno)} from ${set.call}: ${mend}`;
}

function deviceBack(device: Device): string | undefined {
  const name = ibdevOf(device);
  const isSettled = () => uverbsNodeOf(name) !== undefined || !isRegistered(name);
  if (!within(REMOVAL_LIMIT_MS, isSettled)) {
    return `${name} is still being removed: end the processes that have it open, then add it again`;
  }
  if (uverbsNodeOf(name) !== undefined) return undefined;
  const added = makeDevice(device);
  if (added.ok) return undefined;
  const { slot, driver, netdev } = device.identity;
  const link = `rdma link add ${name} type ${driver} netdev ${netdev}`;
  const mend = slot === undefined ? link : 'boot the machine again';
  return `${name} could not be put back: ${errnoName(added.errno)} from ${added.call}: ${mend}`;
}

function portBack(device: Device, state: KeptDevice['state']): string | undefined {
  const before = state['port'];
  if (before === '' || within(PORT_LIMIT_MS, () => portOf(device) === before)) return undefined;
  return `${ibdevOf(device)} is not as it was: ${portOf(device)}; before: ${before}`;
}

/**
 * The state of the port and its addresses, in any order: one that goes and comes may get another slot.
 * Asked of the open device, which is much quicker than sysfs.
 */
function portOf(device: Device): string | undefined {
  const node = uverbsNodeOf(ibdevOf(device));
  if (node === undefined) return undefined;
  const part = partOf(device.identity['driver'] ?? '');
  const opened = openSession({ ...device, node }, part, {});
  if (!opened.ok) return undefined;
  const { verbs } = opened.value;
  const port = verbs?.queryPort(1);
  const table = verbs?.queryGidTable();
  opened.value.close();
  const state = port?.ok === true ? String(port.value['state']) : 'unknown';
  const entries = table?.ok === true ? table.value['entries'] : [];
  const gids = Array.isArray(entries) ? entries.map(({ gid, type }) => `${gid} ${type}`) : [];
  return [state, ...gids.sort()].join(', ');
}

/** It goes on being registered while a removal waits; its node is gone by then. */
function isRegistered(name: string): boolean {
  return existsSync(`/sys/class/infiniband/${name}`);
}
