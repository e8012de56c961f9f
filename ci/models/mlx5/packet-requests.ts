import type { Data } from './keyed-memory.ts';
import { DATA_BYTES } from './receives.ts';
import { dataIn } from './work-requests.ts';

/**
 * In front of the pieces of a frame: offloads, then the first bytes of the frame, as many as are said.
 * Source: include/linux/mlx5/qp.h, struct mlx5_wqe_eth_seg
 */
const ETHERNET = { bytes: 16, size: 12, start: 14 } as const;
/** Bits above it ask for a tag to be put in, which is not offered. */
const MOST_INLINE = 0x3ff;

/**
 * What a frame is made of. The device needs nothing of it in the request (wqe_inline_mode of its
 * capabilities), and takes as much as there is.
 *
 * @param body behind the control segment; undefined for what is no such request
 */
export function frameIn(body: Buffer): readonly Data[] | undefined {
  if (body.length < ETHERNET.bytes) return undefined;
  const end = ETHERNET.start + body.readUInt16BE(ETHERNET.size);
  if (end - ETHERNET.start > MOST_INLINE || end > body.length) return undefined;
  const rest = dataIn(body.subarray(Math.ceil(end / DATA_BYTES) * DATA_BYTES));
  return rest === undefined ? undefined : [body.subarray(ETHERNET.start, end), ...rest];
}
