import { networkInterfaces } from 'node:os';
import { rdmaDevices } from '../../uapi/sysfs-rdma.ts';
import type { Address } from '../contract-verbs.ts';

/**
 * Where an iWARP port is reached. Its GID is only a MAC address (drivers/infiniband/sw/siw/
 * siw_verbs.c, siw_query_gid()); connections go to the IPv4 address of its network device.
 */
export function iwarpAddress(ibdev: string): Address | undefined {
  const [port] = rdmaDevices().find((device) => device.ibdev === ibdev)?.ports ?? [];
  const netdev = port?.netdevs[0];
  if (port === undefined || netdev === undefined) return undefined;
  const ip = (networkInterfaces()[netdev] ?? []).find(({ family }) => family === 'IPv4');
  if (ip === undefined) return undefined;
  return { gid: `::ffff:${ip.address}`, lid: 0, gidIndex: 0, port: port.port };
}
