import type { Link } from './capabilities.ts';
import { ads } from './headers/ifc.ts';
import { LID, PORT_GUID, SUBNET_PREFIX } from './limits.ts';

/** The one end port that there is. */
export const OWN_GID = Buffer.alloc(16);
OWN_GID.writeBigUInt64BE(SUBNET_PREFIX, 0);
OWN_GID.writeBigUInt64BE(PORT_GUID, 8);

const GID_BYTES = 16;

/** Whether packets come back to this device. Over Ethernet none do: that port is down. */
export function isOwn(link: Link, lid: number, gid: Buffer | undefined): boolean {
  return link === 'infiniband' && lid === LID && (gid === undefined || gid.equals(OWN_GID));
}

/** The same of a QP's path. */
export function isOwnPath(link: Link, path: Buffer): boolean {
  const at = ads.byteOf('rgid_rip');
  const hasGlobal = ads.get(path, 'grh') === 1;
  return isOwn(
    link,
    ads.get(path, 'rlid'),
    hasGlobal ? path.subarray(at, at + GID_BYTES) : undefined,
  );
}
