import { E, type Errno } from '../../../uapi/errno.ts';
import type { ReceiveRequest } from '../driver.ts';
import type { WorkRing } from '../work-ring.ts';
import type { Doorbell } from './doorbell.ts';
import { RQE, RQE_BYTES } from './formats.ts';

/**
 * Each receive has a doorbell of its own, which is its first 64 bits.
 * Source: erdma_qp.c, erdma_post_recv_one()
 *
 * @returns 0, EINVAL for more than one piece, ENOMEM while there is no room
 */
export function postReceive(
  ring: WorkRing,
  doorbell: Doorbell,
  request: ReceiveRequest,
  qpn: number,
): Errno {
  if (request.sges.length > 1) return E.EINVAL;
  if (ring.free === 0) return E.ENOMEM;
  const rqe = encodeReceive(request, qpn, ring.produced);
  ring.put(request.id, rqe);
  doorbell.ring(rqe.readBigUInt64LE(0));
  return 0;
}

/** @param index its slot; it names the one behind it */
export function encodeReceive({ sges }: ReceiveRequest, qpn: number, index: number): Buffer {
  const rqe = Buffer.alloc(RQE_BYTES);
  rqe.writeUInt16LE((index + 1) & 0xffff, RQE.index);
  rqe.writeUInt32LE(qpn, RQE.qpn);
  const [sge] = sges;
  if (sge === undefined) return rqe;
  rqe.writeBigUInt64LE(BigInt.asUintN(64, sge.address), RQE.address);
  rqe.writeUInt32LE(sge.length >>> 0, RQE.length);
  rqe.writeUInt32LE(sge.lkey >>> 0, RQE.key);
  return rqe;
}
