import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { siw_sqe } from '../../../uapi/headers/rdma/siw-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { mapKey } from '../map-key.ts';

/** The same place in struct siw_sqe, siw_rqe and siw_cqe. */
const FLAGS = siw_sqe.field('flags').offset;

/**
 * A ring of siw: elements and nothing else. There are no indices in shared memory; both sides count
 * for themselves, and an element that is in use has flags, which whoever is done with it clears.
 * Source: drivers/infiniband/sw/siw/siw_verbs.c, siw_qp.c
 */
export class SiwRing {
  readonly memory: Mapping;
  readonly entries: number;
  readonly #elementSize: number;
  #next = 0;

  private constructor(memory: Mapping, entries: number, elementSize: number) {
    this.memory = memory;
    this.entries = entries;
    this.#elementSize = elementSize;
  }

  /**
   * @param key what mmap(2) takes as the offset
   * @param extraBytes what lies behind the elements
   */
  static open(
    fd: number,
    queue: { readonly key: bigint; readonly entries: number; readonly elementSize: number },
    extraBytes = 0,
  ): CallOutcome<SiwRing> {
    const { key, entries, elementSize } = queue;
    const length = entries * elementSize + extraBytes;
    const mapped = mapKey(fd, key, length, 'a queue');
    if (!mapped.ok) return mapped;
    return { ok: true, value: new SiwRing(mapped.value, entries, elementSize) };
  }

  /** Where the element lies that is next to be used or looked at. */
  get at(): number {
    return (this.#next % this.entries) * this.#elementSize;
  }

  /** Where what follows the elements lies. */
  get end(): number {
    return this.entries * this.#elementSize;
  }

  /** The word with the flags of the next element; flags are its low half, in CQEs the low byte. */
  loadFlags(): number {
    return this.memory.loadAtomic32(this.at + FLAGS);
  }

  /** Writes the word with the flags after all else, which hands the next element over. */
  storeFlags(word: number): void {
    this.memory.storeAtomic32(this.at + FLAGS, word);
  }

  advance(): void {
    this.#next = (this.#next + 1) >>> 0;
  }

  close(): void {
    this.memory.unmap();
  }
}
