/**
 * What this device says of itself. The driver takes most of its limits from its own source
 * (ig3rdma_hw.c, ig3rdma_init_hw()); how many objects there are it takes from here. The numbers are small
 * for such a device, so that the guest spends little memory on tables.
 */
export const LIMITS = {
  qps: 1024,
  cqs: 2048,
  srqs: 256,
  /** MRs and windows. The driver gives numbers of 14 bits at least (hw.c, irdma_initialize_hw_rsrc()). */
  keys: 8192,
  addressHandles: 8192,
  arpEntries: 256,
  /** Entries of page tables: of 4 GiB in pages of 4 KiB. */
  pageEntries: 2 ** 20,
  eventQueues: 4,
  /** Of the device's own memory and of the host's, in pages of 2 MiB; alike, so that keys are in the device. */
  memoryPages: 64,
} as const;

/** Of the driver's generation 3, the one that works by messages (irdma.h, IRDMA_GEN_3). */
export const HARDWARE_GENERATION = 3;
/** Minor and major, as ibv_devinfo shows them. */
export const FIRMWARE_VERSION = { major: 1, minor: 2 } as const;
/** How long the driver waits for commands; 0 is its own default. */
export const COMMAND_TIMEOUT_S = 0;
/** The only function of the device. */
export const HMC_FUNCTION = 1;
/** Of all priorities. */
export const QUEUE_SET = 1;

export const PAGE_BYTES = 4096;
