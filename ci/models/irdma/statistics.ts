/** user.h, IRDMA_GATHER_STATS_BUF_SIZE. Nothing is sent or received, so all counts are zeros. */
export const STATISTICS_BYTES = 1024;
