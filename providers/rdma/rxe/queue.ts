import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { type Mminfo, rxe_queue_buf } from '../../../uapi/headers/rdma/rdma-user-rxe.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { mapKey } from '../map-key.ts';
import { freeSlots, slotAfter, usedSlots } from './ring.ts';

const PRODUCER = rxe_queue_buf.field('producer_index').offset;
const CONSUMER = rxe_queue_buf.field('consumer_index').offset;
const LOG2_ELEMENT_SIZE = rxe_queue_buf.field('log2_elem_size').offset;
const INDEX_MASK = rxe_queue_buf.field('index_mask').offset;
const DATA = rxe_queue_buf.size;

/**
 * A queue that the kernel made and the process maps: the producer's index, the consumer's index and
 * the elements. One side is ours; its index is written by nobody else.
 * Source: drivers/infiniband/sw/rxe/rxe_queue.c, rxe_queue_init()
 */
export class RxeQueue {
  readonly elementSize: number;
  readonly mask: number;
  readonly memory: Mapping;
  readonly #shift: number;

  private constructor(memory: Mapping) {
    this.memory = memory;
    this.#shift = memory.readU32(LOG2_ELEMENT_SIZE);
    this.elementSize = 1 << this.#shift;
    this.mask = memory.readU32(INDEX_MASK);
  }

  /** Maps a queue. The kernel gives each one once. Source: rxe_mmap.c, rxe_mmap() */
  static open(fd: number, { offset, size }: Mminfo): CallOutcome<RxeQueue> {
    const mapped = mapKey(fd, offset, size, 'a queue');
    return mapped.ok ? { ok: true, value: new RxeQueue(mapped.value) } : mapped;
  }

  get producer(): number {
    return this.memory.loadAtomic32(PRODUCER) & this.mask;
  }

  get consumer(): number {
    return this.memory.loadAtomic32(CONSUMER) & this.mask;
  }

  get used(): number {
    return usedSlots(this.producer, this.consumer, this.mask);
  }

  get free(): number {
    return freeSlots(this.producer, this.consumer, this.mask);
  }

  /** Where an element lies in the mapping. */
  offsetOf(index: number): number {
    return DATA + ((index & this.mask) << this.#shift);
  }

  /** Shows the kernel `count` more elements. */
  produce(count: number): void {
    this.memory.storeAtomic32(PRODUCER, slotAfter(this.producer, count, this.mask));
  }

  /** Gives `count` elements back to the kernel. */
  consume(count: number): void {
    this.memory.storeAtomic32(CONSUMER, slotAfter(this.consumer, count, this.mask));
  }

  /** Forgets what the kernel has not taken: after a QP went to RESET. */
  dropProduced(): void {
    this.memory.storeAtomic32(PRODUCER, this.consumer);
  }

  close(): void {
    this.memory.unmap();
  }
}
