import { PageList } from '../page-list.ts';
import type { BackingMemory } from './backing-memory.ts';
import { PAGE_BYTES } from './limits.ts';

const PAGE_SHIFT = Math.log2(PAGE_BYTES);

/** Where the driver put a queue: in one piece, or by page entries from one on. */
export interface RingPlace {
  readonly isMapped: boolean;
  readonly address: number;
  readonly firstEntry: number;
  readonly bytes: number;
}

/** @throws Refusal where its pages cannot be told */
export function ringPages(backing: BackingMemory, place: RingPlace): PageList {
  const { isMapped, address, firstEntry, bytes } = place;
  const count = Math.ceil(bytes / PAGE_BYTES);
  if (isMapped) return new PageList(backing.pageEntries(firstEntry, count), PAGE_SHIFT, 0n);
  const inPage = address % PAGE_BYTES;
  const first = address - inPage;
  const pages = Math.ceil((inPage + bytes) / PAGE_BYTES);
  return new PageList(
    Array.from({ length: pages }, (_, i) => BigInt(first + i * PAGE_BYTES)),
    PAGE_SHIFT,
    BigInt(inPage),
  );
}
