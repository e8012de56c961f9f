import { PageList, pagesOf, type ReadMemory } from '../page-list.ts';
import { Refusal } from '../refusal.ts';
import { indexOf } from './memory-regions.ts';
import type { MemoryRegion, Objects, QueuePair } from './objects.ts';
import { readEntries } from './page-table.ts';
import type { Work } from './work-requests.ts';

type Registration = Extract<Work, { kind: 'register' }>;

/**
 * A request that fills in a region made for that, whose key may change in its low bits. False where it
 * may not. The size of pages is that of the region: the request has no field for another.
 */
export function registerFast(
  { mrs }: Objects,
  read: ReadMemory,
  qp: QueuePair,
  work: Registration,
): boolean {
  const region = mrs.get(indexOf(work.key));
  if (region === undefined || !region.isFast || region.pd !== qp.pd || region.isValid) return false;
  const { address, count, shift } = region.list;
  if (work.count > count || work.length === 0) return false;
  if (pagesOf(work.address, work.length, shift) > work.count) return false;
  const pages = work.pages ?? tryRead(read, address, work.count);
  if (pages === undefined) return false;
  region.key = work.key;
  region.start = work.address;
  region.length = work.length;
  region.rights = work.rights;
  region.pages = new PageList(pages, shift, work.address);
  region.isValid = true;
  return true;
}

function tryRead(read: ReadMemory, address: number, count: number): readonly bigint[] | undefined {
  try {
    return readEntries(read, address, count);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** The region that a request may invalidate by this key: one of its domain, made for it. */
export function invalidatable(
  { mrs }: Objects,
  qp: QueuePair,
  key: number,
): MemoryRegion | undefined {
  const region = mrs.get(indexOf(key));
  const isMeant = region?.key === key && region.isFast && region.isValid && region.pd === qp.pd;
  return isMeant ? region : undefined;
}
