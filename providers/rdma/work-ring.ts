import type { Mapping } from '../../uapi/mapping.ts';

const INDEX_MASK = 0xffff;

/** Of the slot that a request begins in: its id, how many slots it has, and what its part marked it with. */
const NOTE = { id: 0, count: 8, mark: 12 } as const;
export const NOTE_BYTES = 16;

export interface Slots {
  /** Where in memory the ring begins. */
  readonly start: number;
  readonly slots: number;
  readonly slotBytes: number;
}

/**
 * A work queue: indices of 16 bits count its slots, and the device names a request by the slot that it
 * begins in. A completed request gives back all slots up to its own, so those before it that were to
 * have no completion are done too. Notes are in memory that children share, as the ring is: they find
 * completions of what their parent has posted.
 * Source: erdma_qp.c, erdma_post_send(), erdma_post_recv_one(); erdma_cq.c, erdma_poll_one_cqe();
 * drivers/infiniband/hw/mlx5/wr.c, mlx5r_finish_wqe(); mlx5/cq.c, mlx5_poll_one()
 */
export class WorkRing {
  readonly #memory: Mapping;
  readonly #start: number;
  readonly #slots: number;
  readonly #slotBytes: number;
  readonly #notes: number;
  #produced = 0;
  #consumed = 0;

  /** @param notes where in `memory` they are: 16 bytes a slot */
  constructor(memory: Mapping, { start, slots, slotBytes }: Slots, notes: number) {
    this.#memory = memory;
    this.#start = start;
    this.#slots = slots;
    this.#slotBytes = slotBytes;
    this.#notes = notes;
  }

  get produced(): number {
    return this.#produced;
  }

  /** Slots that nothing waits in. */
  get free(): number {
    return this.#slots - ((this.#produced - this.#consumed) & INDEX_MASK);
  }

  /** Puts a request of whole slots in; it may go on at the ring's start. */
  put(id: bigint, request: Buffer, mark = 0): void {
    const first = this.#produced % this.#slots;
    const untilEnd = (this.#slots - first) * this.#slotBytes;
    this.#memory.write(this.#start + first * this.#slotBytes, request.subarray(0, untilEnd));
    this.#memory.write(this.#start, request.subarray(untilEnd));
    const count = request.length / this.#slotBytes;
    const note = this.#notes + first * NOTE_BYTES;
    this.#memory.writeU64(note + NOTE.id, BigInt.asUintN(64, id));
    this.#memory.writeU32(note + NOTE.count, count);
    this.#memory.writeU32(note + NOTE.mark, mark);
    this.#produced = (this.#produced + count) & INDEX_MASK;
  }

  /** The request that a completion names. */
  complete(index: number): bigint {
    const note = this.#notes + (index % this.#slots) * NOTE_BYTES;
    this.#consumed = (index + this.#memory.readU32(note + NOTE.count)) & INDEX_MASK;
    return this.#memory.readU64(note + NOTE.id);
  }

  /** The request that waits for longest: for completions that name none. */
  completeNext(): bigint {
    return this.complete(this.#consumed);
  }

  /** What a request was marked with, also after it has completed. */
  markOf(index: number): number {
    return this.#memory.readU32(this.#notes + (index % this.#slots) * NOTE_BYTES + NOTE.mark);
  }

  /** Forgets all: of a QP that was reset. */
  clear(): void {
    this.#produced = 0;
    this.#consumed = 0;
  }
}
