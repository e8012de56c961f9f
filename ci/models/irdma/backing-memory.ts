import { mustFind } from '../refusal.ts';
import type { GuestMemory } from '../vfio-user/guest-memory.ts';
import { PAGE_BYTES } from './limits.ts';

/** Of a segment: hmc.h, IRDMA_HMC_DIRECT_BP_SIZE. */
const SEGMENT_BYTES = 2 * 2 ** 20;
const ENTRY_BYTES = 8;
/** Of a segment's data: irdma.h, IRDMA_PFHMC_SDDATALOW_*. */
const SEGMENT_IS_VALID = 1n;
const SEGMENT_IS_DIRECT = 2n;
const ADDRESS = ~0xfffn;
/** Of a page in the table of a segment that is not direct (hmc.c, irdma_add_pd_table_entry()). */
const PAGE_IS_VALID = 1n;

/**
 * The function's private memory (FPM), as far as the host lends it: the page entries (PBLE), from which
 * queues and MRs have the lists of their pages. Segments of 2 MiB are one piece, or pages with a table.
 */
export class BackingMemory {
  readonly #memory: GuestMemory;
  readonly #segments = new Map<number, bigint>();
  /** Where the page entries begin, as told when counts were committed. */
  pageEntriesAt = 0;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  setSegment(index: number, data: bigint): void {
    if ((data & SEGMENT_IS_VALID) === 0n) this.#segments.delete(index);
    else this.#segments.set(index, data);
  }

  /** Entries in a row. @throws Refusal where some cannot be reached */
  pageEntries(first: number, count: number): bigint[] {
    return Array.from({ length: count }, (_, i) => {
      const entry = this.#read64(this.#addressOf(this.pageEntriesAt + (first + i) * ENTRY_BYTES));
      return mustFind(entry, `page entry ${first + i}`);
    });
  }

  #addressOf(offset: number): number | undefined {
    const segment = this.#segments.get(Math.floor(offset / SEGMENT_BYTES));
    if (segment === undefined) return undefined;
    const inSegment = offset % SEGMENT_BYTES;
    const base = Number(segment & ADDRESS);
    if ((segment & SEGMENT_IS_DIRECT) !== 0n) return base + inSegment;
    const page = this.#read64(base + Math.floor(inSegment / PAGE_BYTES) * ENTRY_BYTES);
    if (page === undefined || (page & PAGE_IS_VALID) === 0n) return undefined;
    return Number(page & ADDRESS) + (inSegment % PAGE_BYTES);
  }

  #read64(address: number | undefined): bigint | undefined {
    if (address === undefined) return undefined;
    return this.#memory.read(address, ENTRY_BYTES)?.readBigUInt64LE(0);
  }
}
