import { PageList, POINTER_BYTES, pointersIn, type ReadMemory } from '../page-list.ts';
import { must, mustFind } from '../refusal.ts';

/** Entries of a table that lie in a row. */
export function readEntries(read: ReadMemory, address: number, count: number): bigint[] {
  const what = `table of ${count} entries at 0x${address.toString(16)}`;
  return pointersIn(mustFind(read(address, count * POINTER_BYTES), what));
}

/**
 * A table in pages, and tables of these pages above it: with one level all entries are in one page, or in
 * a row. Source: erdma_verbs.c, erdma_create_mtt()
 */
export function readTable(
  read: ReadMemory,
  top: number,
  count: number,
  levels: number,
  tablePageBytes: number,
): bigint[] {
  if (levels === 1) return readEntries(read, top, count);
  const perPage = tablePageBytes / POINTER_BYTES;
  const pages = Math.ceil(count / perPage);
  must(levels === 2 ? pages <= perPage : true, `${count} entries in a table of two levels`);
  const entries: bigint[] = [];
  for (const page of readTable(read, top, pages, levels - 1, tablePageBytes)) {
    const wanted = Math.min(perPage, count - entries.length);
    for (const entry of readEntries(read, Number(page), wanted)) entries.push(entry);
  }
  return entries;
}

/** Where a queue is, as commands that make one say it. */
export interface QueueBuffer {
  readonly shift: number;
  readonly firstOffset: number;
  readonly count: number;
  /** Its pages are in a table; else they are in the command. */
  readonly isIndirect: boolean;
  /** The table, or the first of the pages. */
  readonly address: number;
  readonly more: readonly bigint[];
  readonly bytes: number;
}

/**
 * Kernel queues are one page of more than their size, which is aligned to nothing (erdma_verbs.c,
 * create_qp_cmd()). That a table which is too short is refused is a guess.
 */
export function readQueueBuffer(read: ReadMemory, buffer: QueueBuffer): PageList {
  const { shift, firstOffset, count, isIndirect, address, more, bytes } = buffer;
  must(firstOffset < 2 ** shift, `a queue that begins ${firstOffset} bytes after its page`);
  must(count * 2 ** shift - firstOffset >= bytes, `${bytes} bytes of a queue in ${count} pages`);
  must(isIndirect || count <= more.length + 1, `${count} pages in the command`);
  const pages = isIndirect
    ? readEntries(read, address, count)
    : [BigInt(address), ...more].slice(0, count);
  return new PageList(pages, shift, BigInt(firstOffset));
}
