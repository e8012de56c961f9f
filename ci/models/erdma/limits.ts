import {
  ERDMA_DEV_CAP_FLAGS_ATOMIC,
  ERDMA_DEV_CAP_FLAGS_EXTEND_DB,
  ERDMA_DEV_CAP_FLAGS_MTT_VA,
  ERDMA_NQP_PER_QBLOCK,
  ERDMA_NUM_MSIX_VEC,
} from './headers/erdma-hw.ts';

/**
 * The address of the net device that is one with the adapter: the driver binds to the one whose
 * permanent address this is (erdma_main.c, erdma_enum_and_get_netdev()). This place decides; the lab's
 * guest gets a card with it by `devices` of providers/rdma/lab.json, which erdma.test.ts compares.
 */
export const MAC = '02:00:00:00:00:21';

const QUEUE_PAIR_BLOCKS = 128;
const maxQp = QUEUE_PAIR_BLOCKS * ERDMA_NQP_PER_QBLOCK;

/** Powers of two, as QUERY_DEVICE says them. */
export const EXPONENTS = {
  maxCqe: 20,
  maxRecvWr: 13,
  maxMrSize: 36,
  maxAh: 16,
  maxGid: 5,
  maxMw: 0,
};

/**
 * What this device says of itself, and what follows from it. The numbers are of the size that
 * ibv_devinfo shows on instances that have one; no document gives them, so no test may rely on one.
 */
export const LIMITS = {
  queuePairBlocks: QUEUE_PAIR_BLOCKS,
  maxQp,
  /** Twice the queue pairs, both (erdma_main.c, erdma_dev_attrs_init()). */
  maxCq: maxQp * 2,
  maxMr: maxQp * 2,
  maxCqe: 2 ** EXPONENTS.maxCqe,
  maxRecvWr: 2 ** EXPONENTS.maxRecvWr,
  maxMrSize: 2 ** EXPONENTS.maxMrSize,
  maxAh: 2 ** EXPONENTS.maxAh,
  maxGid: 2 ** EXPONENTS.maxGid,
  /** Of a send queue, in blocks of 32 bytes: 8192 requests of four (erdma_verbs.h). */
  maxSendBlocks: 2 ** 15,
  maxSendSges: 6,
  inlineBytes: 96,
  /** Of one request: a guess, the driver says 4 GiB - 1 whatever the device is. */
  maxMessageBytes: 2 ** 30,
  /** The key of all memory, for the kernel's own queue pairs: beyond those that can be registered. */
  localDmaKey: (maxQp * 2) << 8,
} as const;

export const FIRMWARE_VERSION = 0x0001_0203;
/** The driver wants it to be anything but zero (erdma_main.c, erdma_probe_dev()). */
export const INTERFACE_VERSION = 1;
/** Cubic, which is what the driver falls back to (erdma.h, COMPROMISE_CC). */
export const CONGESTION_CONTROL = 1;

export const CAPABILITY_FLAGS =
  ERDMA_DEV_CAP_FLAGS_ATOMIC | ERDMA_DEV_CAP_FLAGS_MTT_VA | ERDMA_DEV_CAP_FLAGS_EXTEND_DB;

export const MSIX_VECTORS = ERDMA_NUM_MSIX_VEC;

export const PAGE_BYTES = 4096;
/** The header places doorbells in the first 512 KiB; behind them are those of single processes. */
export const FUNCTION_BAR_BYTES = 4 * 2 ** 20;
export const FIRST_EXTENDED_PAGE = 128;
export const INTERRUPT_BAR_BYTES = 4096;
