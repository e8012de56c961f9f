import { part } from '../bits.ts';
import { PageList, pagesOf, type ReadMemory } from '../page-list.ts';
import { must, mustFind } from '../refusal.ts';
import {
  ERDMA_CMD_MR_KEY_MASK,
  ERDMA_CMD_MR_MPT_IDX_MASK,
  ERDMA_CMD_MR_VALID_MASK,
  ERDMA_CMD_MR_VERSION_MASK,
  ERDMA_CMD_REGMR_MTT_CNT_MASK,
  ERDMA_CMD_REGMR_MTT_LEVEL_MASK,
  ERDMA_CMD_REGMR_MTT_PAGESIZE_MASK,
  ERDMA_CMD_REGMR_PAGESIZE_MASK,
  ERDMA_CMD_REGMR_PD_MASK,
  ERDMA_CMD_REGMR_RIGHT_MASK,
  ERDMA_CMD_REGMR_TYPE_MASK,
  ERDMA_HW_PAGE_SHIFT,
  type ErdmaCmdqRegMrReq,
  erdma_cmdq_dereg_mr_req,
  erdma_cmdq_reg_mr_req,
} from './headers/erdma-hw.ts';
import { LIMITS } from './limits.ts';
import type { MemoryRegion, Objects } from './objects.ts';
import { readTable } from './page-table.ts';

/** Of regions. Source: erdma_verbs.h, ERDMA_MR_TYPE_NORMAL and those below it */
const NORMAL = 0;
const FAST = 1;
const ALL_MEMORY = 2;

/** Rights of a region. Source: erdma_verbs.h, ERDMA_MR_ACC_RA and those below it */
export const RIGHT = {
  remoteAtomic: 1,
  localRead: 2,
  localWrite: 4,
  remoteRead: 8,
  remoteWrite: 16,
} as const;

/** What the low bits of a key are; the rest numbers the region. */
const KEY_BITS = 8;
const PAGE_SHIFTS = { least: 12, most: 31 };
const MAX_LEVELS = 3;
/** With which the command has room for the high halves of two numbers, in place of pages. */
const WITH_HIGH_HALVES = 1;

export const keyOf = (index: number, low: number): number => index * 2 ** KEY_BITS + low;

export const indexOf = (key: number): number => key >>> KEY_BITS;

/** The region that a key names; undefined for a key that nobody has, or had. */
export function regionOf({ mrs }: Objects, key: number): MemoryRegion | undefined {
  const region = mrs.get(indexOf(key));
  return region?.key === key && region.isValid ? region : undefined;
}

/** The driver gives the number and the key; one key is both, local and remote. */
export function registerMr({ mrs }: Objects, read: ReadMemory, entry: Buffer): void {
  const command = erdma_cmdq_reg_mr_req.decode(entry);
  const { cfg0, cfg1 } = command;
  const index = part(cfg0, ERDMA_CMD_MR_MPT_IDX_MASK);
  must(index < LIMITS.maxMr && !mrs.has(index), `MR ${index}`);
  const type = part(cfg1, ERDMA_CMD_REGMR_TYPE_MASK);
  must(type === NORMAL || type === FAST || type === ALL_MEMORY, `an MR of type ${type}`);
  const isValid = part(cfg0, ERDMA_CMD_MR_VALID_MASK) === 1;
  must(type !== NORMAL || isValid, 'an MR of its own that is not valid');
  const common = {
    index,
    pd: part(cfg1, ERDMA_CMD_REGMR_PD_MASK),
    key: keyOf(index, part(cfg0, ERDMA_CMD_MR_KEY_MASK)),
    rights: part(cfg1, ERDMA_CMD_REGMR_RIGHT_MASK),
    isFast: type === FAST,
  };
  if (type === ALL_MEMORY) mrs.set(index, { ...common, ...ALL });
  else if (type === FAST) mrs.set(index, { ...common, ...fastRegion(command) });
  else mrs.set(index, { ...common, ...pagedRegion(read, command) });
}

const NO_LIST = { address: 0, count: 0, shift: 0 };

/** The driver does not say of these that they are valid (erdma_verbs.c, erdma_get_dma_mr()). */
const ALL = { isValid: true, start: 0n, length: 2 ** 52, pages: undefined, list: NO_LIST };

/** Until a request fills it in, there is nothing in it. */
function fastRegion({ cfg2, phy_addr: [address = 0n] }: ErdmaCmdqRegMrReq) {
  const count = part(cfg2, ERDMA_CMD_REGMR_MTT_CNT_MASK);
  const shift = part(cfg2, ERDMA_CMD_REGMR_PAGESIZE_MASK);
  must(shift >= PAGE_SHIFTS.least, `pages of 2 ** ${shift} bytes`);
  must(part(cfg2, ERDMA_CMD_REGMR_MTT_LEVEL_MASK) === 1, 'a list that is not in one piece');
  const list = { address: Number(address), count, shift };
  return { isValid: false, start: 0n, length: 0, pages: undefined, list };
}

function pagedRegion(read: ReadMemory, command: ErdmaCmdqRegMrReq) {
  const { cfg0, cfg2, start_va: start } = command;
  const shift = part(cfg2, ERDMA_CMD_REGMR_PAGESIZE_MASK);
  const isKnownSize = shift >= PAGE_SHIFTS.least && shift <= PAGE_SHIFTS.most;
  must(isKnownSize, `pages of 2 ** ${shift} bytes`);
  const isLong = part(cfg0, ERDMA_CMD_MR_VERSION_MASK) === WITH_HIGH_HALVES;
  const length = command.size + (isLong ? command.size_h * 2 ** 32 : 0);
  const high = isLong ? command.mtt_cnt_h * 2 ** 20 : 0;
  const count = part(cfg2, ERDMA_CMD_REGMR_MTT_CNT_MASK) + high;
  must(length > 0 && length <= LIMITS.maxMrSize, `${length} bytes`);
  must(BigInt.asUintN(64, start + BigInt(length)) > start, 'a region that wraps around');
  must(pagesOf(start, length, shift) <= count, `${length} bytes in ${count} pages`);
  const pages = readPages(read, command, count);
  const pageMask = 2n ** BigInt(shift) - 1n;
  must(!pages.some((page) => (page & pageMask) !== 0n), 'a page that is not aligned');
  const list = new PageList(pages, shift, start);
  return { isValid: true, start, length, pages: list, list: NO_LIST };
}

function readPages(
  read: ReadMemory,
  { cfg2, phy_addr }: ErdmaCmdqRegMrReq,
  count: number,
): readonly bigint[] {
  const levels = part(cfg2, ERDMA_CMD_REGMR_MTT_LEVEL_MASK);
  const tableShift = part(cfg2, ERDMA_CMD_REGMR_MTT_PAGESIZE_MASK) + ERDMA_HW_PAGE_SHIFT;
  must(levels <= MAX_LEVELS, `a table of ${levels} levels`);
  must(levels > 0 || count <= phy_addr.length, `${count} pages in the command`);
  if (levels === 0) return phy_addr.slice(0, count);
  return readTable(read, Number(phy_addr[0]), count, levels, 2 ** tableShift);
}

/**
 * The key of a fast one may be ahead of the device: the kernel counts it before the request that registers
 * is posted, if ever one is (ib_update_fast_reg_key()).
 */
export function deregisterMr({ mrs }: Objects, entry: Buffer): void {
  const cfg = erdma_cmdq_dereg_mr_req.get(entry, 'cfg');
  const index = part(cfg, ERDMA_CMD_MR_MPT_IDX_MASK);
  const key = keyOf(index, part(cfg, ERDMA_CMD_MR_KEY_MASK));
  const region = mustFind(mrs.get(index), `MR ${index}`);
  must(region.isFast || region.key === key, `MR ${index} with key ${key}`);
  mrs.delete(index);
}
