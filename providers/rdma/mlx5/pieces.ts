import type { Sge } from '../driver.ts';
import { DATA, NO_MORE_PIECES, SEGMENT } from './formats.ts';

/** Pieces of memory in requests: struct mlx5_wqe_data_seg. */

/** Lengths have 31 bits; none would be read as 2 GiB. */
const MOST_BYTES = 0x7fff_ffff;

export function isEncodable(sges: readonly Sge[], most: number): boolean {
  return sges.length <= most && sges.every(({ length }) => length <= MOST_BYTES);
}

/** Leaves out pieces of no bytes. @returns where they end */
export function writePieces(wqe: Buffer, start: number, sges: readonly Sge[]): number {
  let at = start;
  for (const sge of sges) if (sge.length > 0) at = writePiece(wqe, at, sge);
  return at;
}

export function writePiece(wqe: Buffer, at: number, { address, length, lkey }: Sge): number {
  wqe.writeUInt32BE(length >>> 0, at + DATA.length);
  wqe.writeUInt32BE(lkey >>> 0, at + DATA.key);
  wqe.writeBigUInt64BE(BigInt.asUintN(64, address), at + DATA.address);
  return at + SEGMENT.data;
}

/** A receive: its pieces, and the mark behind them where the slot has room for more. */
export function receiveOf(sges: readonly Sge[], slotBytes: number, start = 0): Buffer {
  const wqe = Buffer.alloc(slotBytes);
  const end = writePieces(wqe, start, sges);
  if (end < slotBytes) writePiece(wqe, end, { address: 0n, length: 0, lkey: NO_MORE_PIECES });
  return wqe;
}
