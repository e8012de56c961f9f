import { widePlace } from '../bits.ts';
import {
  IRDMA_COMMIT_FPM_BASE_S,
  IRDMA_FEATURE_CNT,
  IRDMA_FEATURE_TYPE,
  IRDMA_FW_VER_MAJOR,
  IRDMA_FW_VER_MINOR,
  IRDMA_QUERY_FPM_LOC_MEM_PAGES,
  IRDMA_QUERY_FPM_MAX_CEQS,
  IRDMA_QUERY_FPM_MAX_PE_SDS_GEN3,
  IRDMA_QUERY_FPM_TIMERBUCKET,
} from './headers/defs.ts';
import { FIRMWARE_VERSION, LIMITS } from './limits.ts';

/** user.h, IRDMA_QUERY_FPM_BUF_SIZE and IRDMA_COMMIT_FPM_BUF_SIZE. */
const QUERY_BYTES = 200;
export const COMMIT_BYTES = 208;
const PAGE_ENTRIES_AT = 112;
const PAGE_ENTRY_BYTES = 8;
/** Addresses in the function's private memory are counted so. */
const BASE_UNIT = 512;
const SEGMENT_BYTES = 2 * 2 ** 20;
const COUNT = 0x1f_ffffn;

/** type.h, enum irdma_feature_type. */
const FEATURE_FIRMWARE = 0;
const FEATURE_HARDWARE = 1;

/** Objects that the function's private memory has room for: where in the buffers, how many, log2 of their size. */
interface Resource {
  readonly at: number;
  readonly most: number;
  readonly sizeExponent: number;
}

const { qps } = LIMITS;
/** Of the rest of the list, how many go into a block of its own free list. */
const BLOCK = 8;

/**
 * What of the device's memory objects need is its own affair; the driver counts it all the same, so the
 * sizes are likely ones. Source: ctrl.c, irdma_sc_parse_fpm_query_buf()
 */
const RESOURCES: readonly Resource[] = [
  { at: 8, most: qps, sizeExponent: 9 },
  { at: 16, most: LIMITS.cqs, sizeExponent: 6 },
  { at: 24, most: LIMITS.srqs, sizeExponent: 7 },
  { at: 40, most: LIMITS.arpEntries, sizeExponent: 6 },
  { at: 48, most: LIMITS.keys, sizeExponent: 6 },
  { at: 56, most: qps * 16, sizeExponent: 6 },
  { at: 72, most: qps * 128, sizeExponent: 6 },
  { at: 88, most: 64, sizeExponent: 9 },
  { at: 104, most: LIMITS.addressHandles, sizeExponent: 6 },
  { at: 128, most: qps * 8, sizeExponent: 6 },
  { at: 144, most: qps, sizeExponent: 6 },
  { at: 152, most: qps, sizeExponent: 6 },
];

/** Counts are committed one word lower, up to that of hardware addresses (ctrl.c, irdma_sc_cfg_iw_fpm()). */
const LAST_SHIFTED = 40;
const committedAt = (at: number): number => (at <= LAST_SHIFTED ? at - 8 : at);

/** Free lists of others, whose blocks the upper half counts: of sends, of reads, of answers to reads. */
const FREE_LISTS = [
  { at: 64, most: (qps * 16) / BLOCK },
  { at: 80, most: (qps * 128) / BLOCK },
  { at: 136, most: qps },
] as const;

/** What QUERY_RDMA_FEATURES writes; the first entry has the count of all. Source: ctrl.c, irdma_get_rdma_features() */
export function describeFeatures(): Buffer {
  const features = Buffer.alloc(16);
  const { major, minor } = FIRMWARE_VERSION;
  features.writeBigUInt64LE(
    widePlace(FEATURE_FIRMWARE, IRDMA_FEATURE_TYPE) |
      widePlace(2, IRDMA_FEATURE_CNT) |
      widePlace(major, IRDMA_FW_VER_MAJOR) |
      widePlace(minor, IRDMA_FW_VER_MINOR),
    0,
  );
  features.writeBigUInt64LE(widePlace(FEATURE_HARDWARE, IRDMA_FEATURE_TYPE), 8);
  return features;
}

/** What QUERY_FPM_VAL writes. */
export function describeMemory(): Buffer {
  const buffer = Buffer.alloc(QUERY_BYTES);
  const write = (at: number, low: number, high: number): void => {
    buffer.writeUInt32LE(low, at);
    buffer.writeUInt32LE(high, at + 4);
  };
  for (const { at, most, sizeExponent } of RESOURCES) write(at, most, sizeExponent);
  for (const { at, most } of FREE_LISTS) write(at, most, BLOCK);
  write(PAGE_ENTRIES_AT, LIMITS.pageEntries, 0);
  const { memoryPages } = LIMITS;
  buffer.writeBigUInt64LE(widePlace(memoryPages, IRDMA_QUERY_FPM_MAX_PE_SDS_GEN3), 0);
  buffer.writeBigUInt64LE(
    widePlace(LIMITS.eventQueues, IRDMA_QUERY_FPM_MAX_CEQS) |
      widePlace(1, IRDMA_QUERY_FPM_TIMERBUCKET),
    120,
  );
  buffer.writeBigUInt64LE(widePlace(memoryPages, IRDMA_QUERY_FPM_LOC_MEM_PAGES), 176);
  return buffer;
}

/**
 * Gives the objects that the driver wants their places: COMMIT_FPM_VAL changes the buffer in place. Page
 * entries are last and begin a segment, since the driver lends whole ones.
 *
 * @returns where the page entries are
 */
export function placeObjects(buffer: Buffer): number {
  let next = 0;
  const put = (at: number, bytesOfOne: number): number => {
    const count = Number(buffer.readBigUInt64LE(at) & COUNT);
    const base = next;
    next = Math.ceil((next + count * bytesOfOne) / BASE_UNIT) * BASE_UNIT;
    const place = BigInt(base / BASE_UNIT) << BigInt(IRDMA_COMMIT_FPM_BASE_S);
    buffer.writeBigUInt64LE(place | BigInt(count), at);
    return base;
  };
  for (const { at, sizeExponent } of RESOURCES) put(committedAt(at), 2 ** sizeExponent);
  for (const { at } of FREE_LISTS) put(at, 4);
  next = Math.ceil(next / SEGMENT_BYTES) * SEGMENT_BYTES;
  return put(PAGE_ENTRIES_AT, PAGE_ENTRY_BYTES);
}
