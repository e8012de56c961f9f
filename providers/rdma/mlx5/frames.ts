import * as h from '../../../uapi/headers/rdma/mlx5-abi.ts';
import { type MemoryRange, tryReadMemory } from '../../../uapi/sys-process-memory.ts';
import type { SendRequest, Sge } from '../driver.ts';
import { ETHERNET, PART_BYTES, SEGMENT } from './formats.ts';

/**
 * Frames, which QPs of raw packets send. Most devices route a frame by its first headers, and find them
 * in the request itself; what is behind them they fetch as of any send.
 * Source: include/linux/mlx5/qp.h, struct mlx5_wqe_eth_seg;
 * drivers/net/ethernet/mellanox/mlx5/core/en_tx.c, mlx5e_calc_min_inline(), mlx5e_sq_xmit_wqe()
 */

/**
 * Frames of a port come back to it where the QP that receives them allows it; else the driver has the port
 * keep them out, until a second context opens.
 * Source: qp.c, create_raw_packet_qp_tir(), create_rss_raw_qp_tir(); main.c, mlx5_ib_enable_lb()
 */
export const LOOPS_FRAMES =
  h.MLX5_QP_FLAG_TIR_ALLOW_SELF_LB_UC | h.MLX5_QP_FLAG_TIR_ALLOW_SELF_LB_MC;

/** Bytes of an Ethernet header with a VLAN tag; the longest of IPv4, with which IPv6 has room too; of TCP. */
const L2 = 18;
const IP = 60;
const TCP = 60;

/** More than needs be may stand there, so that no frame has to be parsed. */
const HEADER_BYTES: Readonly<Record<number, number>> = {
  [h.MLX5_USER_INLINE_MODE_NONE]: 0,
  [h.MLX5_USER_INLINE_MODE_L2]: L2,
  [h.MLX5_USER_INLINE_MODE_IP]: L2 + IP,
  [h.MLX5_USER_INLINE_MODE_TCP_UDP]: L2 + IP + TCP,
};

/**
 * How much of a frame must stand in the request.
 *
 * @param mode the context's eth_min_inline: where it says nothing, as of old kernels, what all devices take
 */
export function headerBytesOf(mode: number): number {
  return HEADER_BYTES[mode] ?? L2;
}

/** Bytes of the segment with headers of this length: two stand in it, the rest in parts behind it. */
export function ethernetBytes(headerBytes: number): number {
  const behind = Math.max(0, ETHERNET.header + headerBytes - SEGMENT.ethernet);
  return SEGMENT.ethernet + Math.ceil(behind / PART_BYTES) * PART_BYTES;
}

/** A request with what of its frame stands in it, and the pieces or inline data that are left. */
export interface FramedRequest extends SendRequest {
  readonly header?: Uint8Array;
}

/**
 * Takes the headers out of a frame, as they are in memory now: the addresses of the pieces have to be
 * those of this process, and not others that their key knows.
 *
 * @returns undefined where that memory cannot be read
 */
export function framed(request: SendRequest, headerBytes: number): FramedRequest | undefined {
  if (headerBytes === 0) return request;
  const { inline } = request;
  if (inline !== undefined) {
    const header = inline.subarray(0, headerBytes);
    return { ...request, header, inline: inline.subarray(headerBytes) };
  }
  const { head, rest } = split(request.sges, headerBytes);
  const read = tryReadMemory(head);
  return read.ok ? { ...request, header: read.value, sges: rest } : undefined;
}

function split(sges: readonly Sge[], headerBytes: number) {
  const head: MemoryRange[] = [];
  const rest: Sge[] = [];
  let missing = headerBytes;
  for (const { address, length, lkey } of sges) {
    const taken = Math.min(length, missing);
    missing -= taken;
    if (taken > 0) head.push({ address, length: taken });
    if (length > taken)
      rest.push({ address: address + BigInt(taken), length: length - taken, lkey });
  }
  return { head, rest };
}

/** Without checksums or segmentation: a frame goes out as it is. @returns where it ends */
export function writeEthernet(wqe: Buffer, at: number, header: Uint8Array): number {
  wqe.writeUInt16BE(header.length, at + ETHERNET.headerLength);
  wqe.set(header, at + ETHERNET.header);
  return at + ethernetBytes(header.length);
}
