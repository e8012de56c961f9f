import { efa_io_rx_desc } from '../../../providers/rdma/efa/io-defs.ts';
import type { GuestMemory } from '../vfio-user/guest-memory.ts';
import type { QueuePair, Ring } from './objects.ts';
import { parseReceive, type Span } from './work-requests.ts';

/** Indexes of rings are 16 bits wide (rdma-core, struct efa_wq). */
const INDEX_MASK = 0xffff;

/** Entries that were rung in and not taken yet. */
export function waitingIn({ producer, consumer }: Ring): number {
  return (producer - consumer) & INDEX_MASK;
}

/** The user has written entries up to this index. False: more than there is room for. */
export function advance(ring: Ring, producer: number): boolean {
  const isFitting = ((producer - ring.consumer) & INDEX_MASK) <= ring.entries;
  ring.producer = producer & INDEX_MASK;
  return isFitting;
}

export interface ReceiveRequest {
  readonly requestId: number;
  readonly spans: readonly Span[];
}

/** Takes the next request off a receive queue; undefined where there is none, or not all of it. */
export function takeReceive(
  memory: GuestMemory,
  { recvRing: ring }: QueuePair,
): ReceiveRequest | undefined {
  const spans: Span[] = [];
  let requestId: number | undefined;
  const waiting = waitingIn(ring);
  for (let i = 0; i < waiting; i++) {
    const slot = (ring.consumer + i) % ring.entries;
    const bytes = memory.read(ring.base + slot * efa_io_rx_desc.size, efa_io_rx_desc.size);
    if (bytes === undefined) return undefined;
    const descriptor = parseReceive(bytes);
    requestId ??= descriptor.requestId;
    spans.push(descriptor.span);
    if (!descriptor.isLast) continue;
    ring.consumer = (ring.consumer + i + 1) & INDEX_MASK;
    return { requestId, spans };
  }
  return undefined;
}
