import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { sysfsEntries, sysfsText } from '../../uapi/sysfs.ts';
import { type RdmaDevice, rdmaDevices } from '../../uapi/sysfs-rdma.ts';
import type { Device } from '../contract.ts';
import { slotOf } from '../pci-slot.ts';
import { partOf } from './parts.ts';

const CM_NODE = '/dev/infiniband/rdma_cm';

/** All devices with a verbs node; ports are named in the identity where there is more than one. */
export function find(): readonly Device[] {
  return rdmaDevices().map(asDevice);
}

function asDevice(device: RdmaDevice): Device {
  const { ibdev, driver, firmware } = device;
  const netdev = device.ports[0]?.netdevs[0];
  const fabric = fabricOf(device, netdev);
  const otherNodes: Record<string, string> = existsSync(CM_NODE) ? { cm: CM_NODE } : {};
  return {
    address: `rdma@${ibdev}`,
    node: device.uverbsNode,
    otherNodes,
    identity: {
      where: partOf(driver).where?.(ibdev) ?? 'metal',
      driver,
      transport: transportOf(device),
      ...(firmware !== '' && { firmware }),
      ...(netdev !== undefined && { netdev }),
      ...(fabric !== undefined && { fabric }),
      ...slotOf(device.path ?? onlyFunctionOf(driver) ?? ''),
    },
  };
}

/** Of a device that does not say what it hangs on (erdma): its driver's function, if it has only one. */
function onlyFunctionOf(driver: string): string | undefined {
  const functions = sysfsEntries(`/sys/bus/pci/drivers/${driver}`).filter((entry) =>
    entry.includes(':'),
  );
  return functions.length === 1 ? functions[0] : undefined;
}

/**
 * Devices with one fabric reach each other: they speak the same transport, and their network
 * devices are the two ends of a veth pair, or have addresses of one subnet.
 */
function fabricOf(device: RdmaDevice, netdev: string | undefined): string | undefined {
  const transport = transportOf(device);
  if (transport === 'infiniband') return subnetPrefix(device);
  if (netdev === undefined) return undefined;
  const network = linkOf(netdev) ?? subnetOf(netdev);
  return network === undefined ? undefined : `${transport} ${network}`;
}

function transportOf({ driver, nodeType, ports }: RdmaDevice): string {
  const { transport } = partOf(driver);
  if (transport !== undefined) return transport;
  if (nodeType === 'RNIC') return 'iwarp';
  return ports[0]?.linkLayer === 'InfiniBand' ? 'infiniband' : 'roce';
}

/**
 * The upper half of the first GID is what ports of one InfiniBand subnet share, and their subnet manager:
 * most subnets have the default prefix, also those that no cable joins.
 */
function subnetPrefix({ gids, ibdev }: RdmaDevice): string | undefined {
  const gid = gids.find(({ index }) => index === 0)?.gid;
  if (gid === undefined) return undefined;
  const manager = sysfsText(`/sys/class/infiniband/${ibdev}/ports/1/sm_lid`) ?? '';
  return `infiniband ${gid.split(':').slice(0, 4).join(':')} ${manager}`.trim();
}

/** `veth far0 near0`: the other end's index is the link of each. Source: net/core/rtnetlink.c */
function linkOf(netdev: string): string | undefined {
  const link = Number(sysfsText(`/sys/class/net/${netdev}/iflink`));
  const own = Number(sysfsText(`/sys/class/net/${netdev}/ifindex`));
  if (!(link > 0) || link === own) return undefined;
  const peer = Object.keys(networkInterfaces()).find(
    (name) => Number(sysfsText(`/sys/class/net/${name}/ifindex`)) === link,
  );
  const isMutual = peer !== undefined && Number(sysfsText(`/sys/class/net/${peer}/iflink`)) === own;
  return isMutual ? `link ${[netdev, peer].sort().join('-')}` : undefined;
}

/** `10.7.1.0/24` */
function subnetOf(netdev: string): string | undefined {
  const addresses = networkInterfaces()[netdev] ?? [];
  const found = addresses.find(({ family }) => family === 'IPv4');
  const [address, length] = found?.cidr?.split('/') ?? [];
  if (address === undefined || length === undefined) return undefined;
  const bits = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(length));
  const first = Math.floor(bits / size) * size;
  const parts = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
  return `${parts.join('.')}/${length}`;
}
