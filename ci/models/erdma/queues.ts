import { readPieces } from '../pieces.ts';
import type { GuestMemory } from '../vfio-user/guest-memory.ts';
import { erdma_rqe, RQE_SIZE, SQEBB_SIZE } from './headers/erdma-hw.ts';
import type { Span } from './keyed-memory.ts';
import type { QueuePair, Ring } from './objects.ts';
import { MAX_BLOCKS, parseHead, parseWork, type RequestHead, type Work } from './work-requests.ts';

/** Indexes of rings are 16 bits wide (erdma_verbs.h, struct erdma_kqp). */
const INDEX_MASK = 0xffff;

/** Entries that were rung in and not taken yet. */
export function waitingIn({ producer, consumer }: Ring): number {
  return (producer - consumer) & INDEX_MASK;
}

/** The user has written entries up to this index. False: more than there is room for. */
export function advance(ring: Ring, producer: number): boolean {
  ring.producer = producer & INDEX_MASK;
  return waitingIn(ring) <= ring.entries;
}

/** Nothing waits any more but what can: the rest was overwritten. */
export function drop(ring: Ring): void {
  if (waitingIn(ring) > ring.entries) ring.consumer = ring.producer;
}

function readEntry(memory: GuestMemory, ring: Ring, index: number, bytes: number) {
  const offset = (index % ring.entries) * bytes;
  return readPieces(memory, ring.pages.pieces(offset, bytes));
}

/** A request of a send queue, which is still in it. */
export interface SendRequest {
  /** Of its first block. */
  readonly index: number;
  readonly head: RequestHead;
  /** Undefined for one that is malformed. */
  readonly work: Work | undefined;
}

/** The request at the head of a send queue, and not taken off; undefined where that cannot be read. */
export function peekSend(memory: GuestMemory, qp: QueuePair): SendRequest | undefined {
  const { sendRing: ring } = qp;
  const index = ring.consumer;
  const blocks: Buffer[] = [];
  let wanted = 1;
  for (let i = 0; i < wanted; i++) {
    const block = readEntry(memory, ring, index + i, SQEBB_SIZE);
    if (block === undefined) return undefined;
    blocks.push(block);
    if (i === 0) wanted = Math.min(parseHead(block.readBigUInt64LE(0)).blocks, MAX_BLOCKS);
  }
  const wqe = Buffer.concat(blocks);
  const head = parseHead(wqe.readBigUInt64LE(0));
  const isWhole = head.blocks <= MAX_BLOCKS && head.blocks <= waitingIn(ring);
  return { index, head, work: isWhole ? parseWork(qp, head, wqe) : undefined };
}

export function takeSend({ sendRing: ring }: QueuePair, { head }: SendRequest): void {
  const blocks = Math.min(head.blocks, waitingIn(ring));
  ring.consumer = (ring.consumer + blocks) & INDEX_MASK;
}

export interface ReceiveRequest {
  readonly index: number;
  /** Undefined for one that is malformed. */
  readonly span: Span | undefined;
}

/**
 * Takes the next request off a receive queue; undefined where there is none. Each names its queue pair and
 * how many there are with it (erdma_qp.c, erdma_post_recv_one()); that hardware looks at that is a guess.
 */
export function takeReceive(memory: GuestMemory, qp: QueuePair): ReceiveRequest | undefined {
  const { recvRing: ring } = qp;
  if (waitingIn(ring) === 0) return undefined;
  const index = ring.consumer;
  ring.consumer = (index + 1) & INDEX_MASK;
  const bytes = readEntry(memory, ring, index, RQE_SIZE);
  if (bytes === undefined) return { index, span: undefined };
  const { qe_idx, qpn, to: address, length, stag: key } = erdma_rqe.decode(bytes);
  const isOwn = qpn === qp.number && qe_idx === ring.consumer;
  return { index, span: isOwn ? { key, address, length } : undefined };
}
