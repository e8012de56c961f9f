import {
  MLX5_USER_INLINE_MODE_NA,
  mlx5_ib_alloc_ucontext_resp,
} from '../../../uapi/headers/rdma/mlx5-abi.ts';
import type { CreateRequests } from '../driver.ts';
import { NOTE_BYTES } from '../work-ring.ts';
import { BLOCK_BYTES, CQE_BYTES, PART_BYTES, SEGMENT } from './formats.ts';
import { ethernetBytes, headerBytesOf } from './frames.ts';

/** Sizes of queues: the process makes them, and the driver believes most of what it is told. */

/** What a queue may be at most. */
export interface Limits {
  /** Of a send and of a receive. */
  readonly sendBytes: number;
  readonly receiveBytes: number;
  readonly sendBlocks: number;
  readonly receives: number;
  readonly sharedReceives: number;
  /** Of a frame: so many must stand in the request. */
  readonly headerBytes: number;
}

/** A request has no more pieces of 16 bytes than 6 bits count (MLX5_WQE_CTRL_DS_MASK). */
const MOST_SEND_BYTES = 63 * PART_BYTES;

/** Of a context that somebody else made nothing is known: what devices have that are about. */
const USUAL: Limits = {
  sendBytes: 512,
  receiveBytes: 512,
  sendBlocks: 2 ** 15,
  receives: 2 ** 15,
  sharedReceives: 2 ** 15,
  headerBytes: headerBytesOf(MLX5_USER_INLINE_MODE_NA),
};

export function limitsOf(contextAnswer: Buffer): Limits {
  if (contextAnswer.length < mlx5_ib_alloc_ucontext_resp.size) return USUAL;
  const answer = mlx5_ib_alloc_ucontext_resp.decode(contextAnswer);
  return {
    sendBytes: Math.min(answer.max_sq_desc_sz, MOST_SEND_BYTES),
    receiveBytes: answer.max_rq_desc_sz,
    sendBlocks: answer.max_send_wqebb,
    receives: answer.max_recv_wr,
    sharedReceives: answer.max_srq_recv_wr,
    headerBytes: headerBytesOf(answer.eth_min_inline),
  };
}

/** @param count at least 1 */
export function powerOfTwo(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, count)));
}

/** A ring in which slots of one size follow each other. */
export interface Slots {
  readonly count: number;
  readonly shift: number;
}

export function ringBytes({ count, shift }: Slots): number {
  return count * 2 ** shift;
}

const NO_SLOTS: Slots = { count: 0, shift: 0 };

/** What the driver refuses with EINVAL: a slot of more bytes than an int counts. */
const IMPOSSIBLE_SLOTS: Slots = { count: 0, shift: 32 };
/** The same of a send queue: more blocks than any device has. */
const IMPOSSIBLE_BLOCKS = 0xffff_ffff;

/** Source: cq.c, mlx5_ib_create_user_cq(): a CQ has one entry more than was asked for, at least */
export function cqEntries(entries: number): number {
  return powerOfTwo(entries + 1);
}

/** What the consumer's index of a CQ tells apart. */
const MOST_COMPLETIONS = 2 ** 24;

/** None of what no CQ can hold, which is the driver's to refuse. */
export function cqBytes(entries: number): number {
  const made = cqEntries(entries);
  return made > MOST_COMPLETIONS ? 0 : made * CQE_BYTES;
}

/** Receives are in slots of a power of two bytes, as many as fill a block at least. */
function receiveSlots(wr: number, sge: number, most: Limits): Slots {
  const shift = Math.log2(powerOfTwo(Math.max(1, sge) * SEGMENT.data));
  if (2 ** shift > most.receiveBytes) return IMPOSSIBLE_SLOTS;
  // The driver looks at the number of receives, and refuses it.
  if (wr > most.receives) return { count: 1, shift };
  return { count: Math.max(powerOfTwo(wr), BLOCK_BYTES >> shift), shift };
}

/** Source: qp.c, qp_has_rq() */
function qpReceives(want: CreateRequests['qp'], most: Limits): Slots {
  const { type, srq, receiveWr = 1, receiveSge = 1 } = want;
  if (type === 'xrc-ini' || type === 'xrc-tgt' || srq !== undefined || receiveWr === 0)
    return NO_SLOTS;
  return receiveSlots(receiveWr, receiveSge, most);
}

/** Source: qp.c, sq_overhead() */
const HEADS = {
  rc: SEGMENT.control + SEGMENT.remote,
  uc: SEGMENT.control + SEGMENT.remote,
  'xrc-ini': SEGMENT.control + SEGMENT.xrc + SEGMENT.remote,
  ud: SEGMENT.control + SEGMENT.datagram,
  driver: SEGMENT.control + SEGMENT.datagram,
} as const;

function headBytes(type: CreateRequests['qp']['type'], most: Limits): number {
  if (type === 'xrc-tgt') return 0;
  return type === 'raw-packet' ? SEGMENT.control + ethernetBytes(most.headerBytes) : HEADS[type];
}

/** The longest request beside those with data: a change of a memory key, with its one piece of memory. */
const KEY_CHANGE_BYTES =
  SEGMENT.control + SEGMENT.keyChange + SEGMENT.key + SEGMENT.translationRoom;

function blocksOf(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES);
}

/** Bytes of the longest request with data that the queue was asked for. */
function sendBytes(want: CreateRequests['qp'], most: Limits): number {
  const { type, sendSge = 1, inline = 0 } = want;
  const pieces = sendSge * SEGMENT.data;
  const inlined = inline === 0 ? 0 : Math.ceil((SEGMENT.inline + inline) / PART_BYTES) * PART_BYTES;
  const hasAtomics = type !== 'ud' && type !== 'raw-packet';
  const atomic = hasAtomics ? SEGMENT.atomic + SEGMENT.data : 0;
  return headBytes(type, most) + Math.max(pieces, inlined, atomic);
}

/**
 * Blocks of a send queue. Where not even the device's longest queue has room for so many requests of the
 * longest kind, it is that one, if there is room for as many with data: most requests are shorter.
 */
function sendBlocks(want: CreateRequests['qp'], most: Limits): number {
  const { type, sendWr = 1 } = want;
  if (type === 'xrc-tgt' || sendWr === 0) return 0;
  const bytes = sendBytes(want, most);
  if (bytes > most.sendBytes) return IMPOSSIBLE_BLOCKS;
  const changesKeys = type === 'rc' || type === 'uc' || type === 'xrc-ini';
  const longest = changesKeys ? Math.max(bytes, KEY_CHANGE_BYTES) : bytes;
  const blocks = powerOfTwo(sendWr * blocksOf(longest));
  if (blocks <= most.sendBlocks) return blocks;
  return sendWr * blocksOf(bytes) <= most.sendBlocks ? most.sendBlocks : IMPOSSIBLE_BLOCKS;
}

/** MLX5_ADAPTER_PAGE_SHIFT */
const DEVICE_PAGE = 4096;

/** More than any device has for a work queue. */
const MOST_WORK = 2 ** 20;

/** Both rings of a QP, receives first. */
export interface QpShape {
  readonly receives: Slots;
  /** Where the sends begin. */
  readonly sendsAt: number;
  readonly sendBlocks: number;
}

export function qpShape(want: CreateRequests['qp'], contextAnswer: Buffer): QpShape {
  const most = limitsOf(contextAnswer);
  const receives = qpReceives(want, most);
  return { receives, sendsAt: sendsAt(want, receives), sendBlocks: sendBlocks(want, most) };
}

/**
 * A QP of raw packets has its sends in pages of their own: such a ring can begin in the first half of a page
 * only, which a QP's can anywhere.
 * Source: mem.c, __mlx5_umem_find_best_quantized_pgoff(); struct mlx5_ifc_wq_bits, page_offset
 */
function sendsAt({ type }: CreateRequests['qp'], receives: Slots): number {
  const bytes = ringBytes(receives);
  return type === 'raw-packet' ? Math.ceil(bytes / DEVICE_PAGE) * DEVICE_PAGE : bytes;
}

/** Where what is noted of the requests lies: behind both rings. */
export function qpNotesAt({ sendsAt, sendBlocks }: QpShape): number {
  return sendsAt + sendBlocks * BLOCK_BYTES;
}

/** Bytes of both rings and what is noted of their requests; none of what the driver refuses. */
export function qpMemoryBytes(shape: QpShape): number {
  const { receives, sendBlocks } = shape;
  if (receives === IMPOSSIBLE_SLOTS || sendBlocks === IMPOSSIBLE_BLOCKS) return 0;
  return qpNotesAt(shape) + (receives.count + sendBlocks) * NOTE_BYTES;
}

/** The driver works out the same, and refuses what is too much. Source: srq.c, mlx5_ib_create_srq() */
export function srqSlots({ maxWr, maxSge }: CreateRequests['srq'], contextAnswer: Buffer): Slots {
  const most = limitsOf(contextAnswer);
  if (maxWr >= most.sharedReceives || maxSge * SEGMENT.data > most.receiveBytes) return NO_SLOTS;
  const bytes = Math.max(32, powerOfTwo(SEGMENT.next + maxSge * SEGMENT.data));
  return { count: powerOfTwo(maxWr + 1), shift: Math.log2(bytes) };
}

/** Of an SRQ the ids of requests are noted. */
export const SRQ_NOTE_BYTES = 8;

export function srqMemoryBytes(slots: Slots): number {
  return ringBytes(slots) + slots.count * SRQ_NOTE_BYTES;
}

export function wqSlots({ maxWr, maxSge }: CreateRequests['wq'], contextAnswer: Buffer): Slots {
  // Work queues have a limit of their own, which the context's answer does not tell.
  const most = { ...limitsOf(contextAnswer), receives: MOST_WORK };
  return receiveSlots(maxWr, maxSge, most);
}

/** Bytes of the ring and of what is noted of its requests; none of what the driver refuses. */
export function wqMemoryBytes(slots: Slots): number {
  return ringBytes(slots) + slots.count * NOTE_BYTES;
}
