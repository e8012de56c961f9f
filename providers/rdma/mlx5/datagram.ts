import { mlx5_ib_create_ah_resp } from '../../../uapi/headers/rdma/mlx5-abi.ts';
import { HOP_LIMIT } from '../address-handle.ts';
import type { CreateRequests, RdmaObject, SendRequest } from '../driver.ts';
import { gidBytes } from '../gid.ts';
import { AV, EXTENDED_AV, HAS_GLOBAL_HEADER, SEGMENT } from './formats.ts';

/** Datagrams carry the whole address: the device knows no address handles. */

/** The first of the UDP ports that senders of RoCE v2 take: IB_ROCE_UDP_ENCAP_VALID_PORT_MIN */
const FIRST_PORT = 0xc000;

/** What the kernel found of the far side is its MAC address; InfiniBand has none. Source: ah.c, mlx5_ib_create_ah() */
export function addressFields(
  response: Buffer,
  { to }: CreateRequests['ah'],
): RdmaObject['fields'] {
  const { dmac } = mlx5_ib_create_ah_resp.decode(response);
  return {
    mac: Buffer.from(dmac).readUIntBE(0, 6),
    gid: BigInt(`0x${Buffer.from(gidBytes(to.gid)).toString('hex')}`),
    gidIndex: to.gidIndex,
    lid: to.lid,
  };
}

/** A struct mlx5_av. @returns where it ends */
export function writeDatagram(wqe: Buffer, at: number, request: SendRequest): number {
  const { ah, remoteQpn = 0, remoteQkey = 0 } = request;
  const field = (name: string): number => Number(ah?.fields[name] ?? 0);
  const mac = field('mac');
  const gid = BigInt(ah?.fields['gid'] ?? 0n);
  const isRoce = mac !== 0;
  wqe.writeUInt32BE(remoteQkey >>> 0, at + AV.qkey);
  wqe.writeUInt32BE(((remoteQpn & 0xffffff) | EXTENDED_AV) >>> 0, at + AV.qpn);
  // RoCE has the port that it sends from where InfiniBand has the far LID.
  wqe.writeUInt16BE(isRoce ? FIRST_PORT : field('lid'), at + AV.lid);
  wqe.writeUIntBE(mac, at + AV.mac, 6);
  wqe.writeUInt8(HOP_LIMIT, at + AV.hopLimit);
  const global = isRoce ? 0 : HAS_GLOBAL_HEADER;
  wqe.writeUInt32BE((global | ((field('gidIndex') & 0xff) << 20)) >>> 0, at + AV.global);
  wqe.writeBigUInt64BE(gid >> 64n, at + AV.gid);
  wqe.writeBigUInt64BE(BigInt.asUintN(64, gid), at + AV.gid + 8);
  return at + SEGMENT.datagram;
}
