import type { Mapping } from '../../../uapi/mapping.ts';

const INDEX_MASK = 0xffff;

/**
 * A work queue: indices of 16 bits count its slots, and the device names a request by the slot that it
 * begins in. A completed request gives back all slots up to its own, so those before it that were to
 * have no completion are done too.
 * Source: erdma_qp.c, erdma_post_send(), erdma_post_recv_one(); erdma_cq.c, erdma_poll_one_cqe()
 */
export class WorkRing {
  readonly #memory: Mapping;
  readonly #start: number;
  readonly #slots: number;
  readonly #slotBytes: number;
  readonly #ids: bigint[];
  readonly #sizes: number[];
  #produced = 0;
  #consumed = 0;

  /** @param start where in `memory` the ring begins */
  constructor(memory: Mapping, start: number, slots: number, slotBytes: number) {
    this.#memory = memory;
    this.#start = start;
    this.#slots = slots;
    this.#slotBytes = slotBytes;
    this.#ids = new Array<bigint>(slots).fill(0n);
    this.#sizes = new Array<number>(slots).fill(1);
  }

  get produced(): number {
    return this.#produced;
  }

  /** Slots that nothing waits in. */
  get free(): number {
    return this.#slots - ((this.#produced - this.#consumed) & INDEX_MASK);
  }

  /** Puts a request of whole slots in; it may go on at the ring's start. */
  put(id: bigint, request: Buffer): void {
    const first = this.#produced % this.#slots;
    const untilEnd = (this.#slots - first) * this.#slotBytes;
    this.#memory.write(this.#start + first * this.#slotBytes, request.subarray(0, untilEnd));
    this.#memory.write(this.#start, request.subarray(untilEnd));
    const count = request.length / this.#slotBytes;
    this.#ids[first] = id;
    this.#sizes[first] = count;
    this.#produced = (this.#produced + count) & INDEX_MASK;
  }

  /** The request that a completion names. */
  complete(index: number): bigint {
    const slot = index % this.#slots;
    this.#consumed = (index + (this.#sizes[slot] ?? 1)) & INDEX_MASK;
    return this.#ids[slot] ?? 0n;
  }

  /** Forgets all: of a QP that was reset. */
  clear(): void {
    this.#produced = 0;
    this.#consumed = 0;
  }
}
