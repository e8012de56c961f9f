import { networkInterfaces } from 'node:os';
import type { LinkPath, RdmaVerbs } from '../contract-verbs.ts';

/**
 * The IP address that the connection manager knows a device by, as the host part of a socket
 * address: of RoCE it is in the GID; an iWARP port has a MAC address there, and the address is that
 * of its network device.
 */
export function cmHost(verbs: RdmaVerbs, path?: LinkPath): string | undefined {
  const gid = verbs.localAddress(path)?.gid ?? '';
  const [, v4] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(gid) ?? [];
  if (v4 !== undefined) return v4;
  return netdevHost(verbs) ?? (gid === '' ? undefined : `[${gid}]`);
}

function netdevHost(verbs: RdmaVerbs): string | undefined {
  const table = verbs.queryGidTable();
  const entries = table.ok ? table.value['entries'] : undefined;
  if (!Array.isArray(entries)) return undefined;
  const addresses = entries.flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null || !('netdev' in entry)) return [];
    return networkInterfaces()[String(entry.netdev)] ?? [];
  });
  return addresses.find(({ family }) => family === 'IPv4')?.address;
}
