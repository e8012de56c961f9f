import { isSet, widePart } from '../bits.ts';
import { PageList } from '../page-list.ts';
import { must, mustFind } from '../refusal.ts';
import type { BackingMemory } from './backing-memory.ts';
import type { CommandContext } from './commands.ts';
import type { Command } from './control-queue.ts';
import {
  IRDMA_CQPSQ_STAG_ARIGHTS,
  IRDMA_CQPSQ_STAG_FIRSTPMPBLIDX,
  IRDMA_CQPSQ_STAG_HPAGESIZE,
  IRDMA_CQPSQ_STAG_IDX,
  IRDMA_CQPSQ_STAG_KEY,
  IRDMA_CQPSQ_STAG_LPBLSIZE,
  IRDMA_CQPSQ_STAG_MR,
  IRDMA_CQPSQ_STAG_PDID_HI,
  IRDMA_CQPSQ_STAG_STAGLEN,
  IRDMA_CQPSQ_STAG_VABASEDTO,
} from './headers/defs.ts';
import type { MemoryKey, Objects } from './objects.ts';
import { KEY_PD } from './registers.ts';

/** Bits of a page's size: type.h, enum irdma_page_size. */
const PAGE_SHIFTS: readonly number[] = [12, 21, 30];
/** How page entries are given: type.h, enum irdma_pble_level, as the driver tells it. */
const IN_ONE_PIECE = 0;
const LIST = 1;
const LIST_OF_LISTS = 3;
const LIST_ENTRIES = 512;

interface Named {
  readonly index: number;
  readonly pd: number;
}

/** Of an MR without memory, or of a window. Source: ctrl.c, irdma_sc_alloc_stag() and irdma_sc_mw_alloc() */
export function allocateKey({ objects }: CommandContext, { head, entry }: Command): void {
  const isWindow = !isSet(head, IRDMA_CQPSQ_STAG_MR);
  add(objects, {
    ...named(entry),
    isWindow,
    rights: isWindow ? 0 : widePart(head, IRDMA_CQPSQ_STAG_ARIGHTS),
    start: 0n,
    length: 0,
    pages: undefined,
    key: 0,
  });
}

/** Source: ctrl.c, irdma_sc_mr_reg_non_shared() */
export function registerMr({ objects }: CommandContext, command: Command): void {
  const { head, entry } = command;
  const first = entry.readBigUInt64LE(0);
  const length = widePart(entry.readBigUInt64LE(8), IRDMA_CQPSQ_STAG_STAGLEN);
  const shift = mustFind(PAGE_SHIFTS[widePart(head, IRDMA_CQPSQ_STAG_HPAGESIZE)], 'such page size');
  const offset = BigInt.asUintN(shift, first);
  const count = Math.ceil((Number(offset) + length) / 2 ** shift);
  const pages = pagesOf(objects.backing, command, count, shift);
  add(objects, {
    ...named(entry),
    isWindow: false,
    rights: widePart(head, IRDMA_CQPSQ_STAG_ARIGHTS),
    start: isSet(head, IRDMA_CQPSQ_STAG_VABASEDTO) ? first : 0n,
    length,
    // Of the length 0: all memory, for the kernel.
    pages: length === 0 ? undefined : new PageList(pages, shift, first),
    key: widePart(entry.readBigUInt64LE(16), IRDMA_CQPSQ_STAG_KEY),
  });
}

/** Source: ctrl.c, irdma_sc_dealloc_stag() */
export function freeKey({ objects }: CommandContext, { head, entry }: Command): void {
  const { index } = named(entry);
  const { isWindow } = mustFind(objects.keys.get(index), `key ${index}`);
  must(isWindow === !isSet(head, IRDMA_CQPSQ_STAG_MR), `key ${index} is of the other kind`);
  objects.keys.delete(index);
}

function add({ keys }: Objects, key: MemoryKey): void {
  must(!keys.has(key.index), `key ${key.index} is in use`);
  keys.set(key.index, key);
}

function named(entry: Buffer): Named {
  const third = entry.readBigUInt64LE(16);
  const low = widePart(entry.readBigUInt64LE(8), KEY_PD);
  return {
    index: widePart(third, IRDMA_CQPSQ_STAG_IDX),
    pd: widePart(third, IRDMA_CQPSQ_STAG_PDID_HI) * 2 ** 18 + low,
  };
}

/** @param count how many pages of 2 ** shift bytes */
function pagesOf(
  backing: BackingMemory,
  { head, entry }: Command,
  count: number,
  shift: number,
): bigint[] {
  const first = widePart(entry.readBigUInt64LE(48), IRDMA_CQPSQ_STAG_FIRSTPMPBLIDX);
  const kind = widePart(head, IRDMA_CQPSQ_STAG_LPBLSIZE);
  if (kind === LIST) return backing.pageEntries(first, count);
  if (kind === LIST_OF_LISTS) {
    return backing
      .pageEntries(first, Math.ceil(count / LIST_ENTRIES))
      .flatMap((leaf, i) =>
        backing.pageEntries(Number(leaf), Math.min(LIST_ENTRIES, count - i * LIST_ENTRIES)),
      );
  }
  must(kind === IN_ONE_PIECE, `pages given in way ${kind}`);
  const start = entry.readBigUInt64LE(32);
  return Array.from({ length: count }, (_, i) => start + BigInt(i * 2 ** shift));
}
