/**
 * The index arithmetic of a rxe queue: indices count slots modulo a power of two, and one slot
 * stays empty, so that a full ring differs from an empty one.
 * Source: drivers/infiniband/sw/rxe/rxe_queue.h, queue_empty() and queue_full()
 */

/** Elements that are in the ring. */
export function usedSlots(producer: number, consumer: number, mask: number): number {
  return (producer - consumer) & mask;
}

/** Elements that still fit. */
export function freeSlots(producer: number, consumer: number, mask: number): number {
  return mask - usedSlots(producer, consumer, mask);
}

export function slotAfter(index: number, steps: number, mask: number): number {
  return (index + steps) & mask;
}
