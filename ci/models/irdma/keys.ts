import { isSet, widePart } from '../bits.ts';
import { must, mustFind } from '../refusal.ts';
import type { BackingMemory } from './backing-memory.ts';
import type { CommandContext } from './commands.ts';
import type { Command } from './control-queue.ts';
import {
  IRDMA_CQPSQ_STAG_FIRSTPMPBLIDX,
  IRDMA_CQPSQ_STAG_HPAGESIZE,
  IRDMA_CQPSQ_STAG_IDX,
  IRDMA_CQPSQ_STAG_LPBLSIZE,
  IRDMA_CQPSQ_STAG_MR,
  IRDMA_CQPSQ_STAG_STAGLEN,
} from './headers/defs.ts';
import type { Objects } from './objects.ts';

/** Bits of a page's size: type.h, enum irdma_page_size. */
const PAGE_SHIFTS: readonly number[] = [12, 21, 30];
/** How page entries are given: type.h, enum irdma_pble_level, as the driver tells it. */
const IN_ONE_PIECE = 0;
const LIST = 1;
const LIST_OF_LISTS = 3;
const LIST_ENTRIES = 512;

/** Of an MR without memory, or of a window. Source: ctrl.c, irdma_sc_alloc_stag() and irdma_sc_mw_alloc() */
export function allocateKey({ objects }: CommandContext, { head, entry }: Command): void {
  add(objects, entry, !isSet(head, IRDMA_CQPSQ_STAG_MR));
}

/** Its pages must be known, although nobody reads or writes them. Source: ctrl.c, irdma_sc_mr_reg_non_shared() */
export function registerMr({ objects }: CommandContext, command: Command): void {
  const { head, entry } = command;
  const length = widePart(entry.readBigUInt64LE(8), IRDMA_CQPSQ_STAG_STAGLEN);
  const shift = mustFind(PAGE_SHIFTS[widePart(head, IRDMA_CQPSQ_STAG_HPAGESIZE)], 'such page size');
  const offset = Number(BigInt.asUintN(shift, entry.readBigUInt64LE(0)));
  checkPages(objects.backing, command, Math.ceil((offset + length) / 2 ** shift));
  add(objects, entry, false);
}

/** Source: ctrl.c, irdma_sc_dealloc_stag() */
export function freeKey({ objects }: CommandContext, { head, entry }: Command): void {
  const index = indexOf(entry);
  const { isWindow } = mustFind(objects.keys.get(index), `key ${index}`);
  must(isWindow === !isSet(head, IRDMA_CQPSQ_STAG_MR), `key ${index} is of the other kind`);
  objects.keys.delete(index);
}

function add({ keys }: Objects, entry: Buffer, isWindow: boolean): void {
  const index = indexOf(entry);
  must(!keys.has(index), `key ${index} is in use`);
  keys.set(index, { isWindow });
}

function indexOf(entry: Buffer): number {
  return widePart(entry.readBigUInt64LE(16), IRDMA_CQPSQ_STAG_IDX);
}

/** @throws Refusal where a list of so many pages cannot be read */
function checkPages(backing: BackingMemory, { head, entry }: Command, count: number): void {
  const first = widePart(entry.readBigUInt64LE(48), IRDMA_CQPSQ_STAG_FIRSTPMPBLIDX);
  const kind = widePart(head, IRDMA_CQPSQ_STAG_LPBLSIZE);
  must(kind === IN_ONE_PIECE || kind === LIST || kind === LIST_OF_LISTS, `a list of kind ${kind}`);
  if (kind === LIST) backing.pageEntries(first, count);
  if (kind !== LIST_OF_LISTS) return;
  const leaves = backing.pageEntries(first, Math.ceil(count / LIST_ENTRIES));
  for (const [i, leaf] of leaves.entries()) {
    backing.pageEntries(Number(leaf), Math.min(LIST_ENTRIES, count - i * LIST_ENTRIES));
  }
}
