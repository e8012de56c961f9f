import type { GuestMemory } from './vfio-user/guest-memory.ts';

/** Reads memory at a DMA address; undefined where it cannot be reached. */
export type ReadMemory = (address: number, length: number) => Buffer | undefined;

export function readerOf(memory: GuestMemory): ReadMemory {
  return (address, length) => memory.read(address, length);
}

/** How a page is named in lists, whoever's device it is. */
export const POINTER_BYTES = 8;

/** The pages that a list names, which is as long as that. */
export function pointersIn(bytes: Buffer): bigint[] {
  const count = Math.floor(bytes.length / POINTER_BYTES);
  return Array.from({ length: count }, (_, i) => bytes.readBigUInt64LE(i * POINTER_BYTES));
}

/** Physical pages in the order of the addresses that they stand for. */
export class PageList {
  readonly #pages: Float64Array;
  readonly #pageBytes: number;
  /** Of the first page, where the region begins. */
  readonly #firstOffset: number;

  constructor(pages: readonly bigint[], shift: number, iova: bigint) {
    this.#pages = Float64Array.from(pages, Number);
    this.#pageBytes = 2 ** shift;
    this.#firstOffset = Number(BigInt.asUintN(shift, iova));
  }

  get count(): number {
    return this.#pages.length;
  }

  /** The physical address of one byte. */
  at(offset: number): number {
    const at = this.#firstOffset + offset;
    const page = this.#pages[Math.floor(at / this.#pageBytes)] ?? Number.NaN;
    return page + (at % this.#pageBytes);
  }

  /** The physical pieces of a part of the region, which must lie within it. */
  *pieces(offset: number, length: number): Generator<{ address: number; length: number }> {
    let at = this.#firstOffset + offset;
    for (let left = length; left > 0; ) {
      const inPage = at % this.#pageBytes;
      const count = Math.min(left, this.#pageBytes - inPage);
      const page = this.#pages[Math.floor(at / this.#pageBytes)] ?? Number.NaN;
      yield { address: page + inPage, length: count };
      at += count;
      left -= count;
    }
  }
}

/** Pages that a region of so many bytes at this address covers. */
export function pagesOf(iova: bigint, length: number, shift: number): number {
  const first = Number(BigInt.asUintN(shift, iova));
  return Math.ceil((first + length) / 2 ** shift);
}
