import {
  PF_GLINT_BASE,
  PF_INT_DIR_OICR_ENA,
  PF_QRX_BASE,
  PF_QRX_BUFFQ_BASE,
  PF_QTX_BASE,
} from './headers/idpf-lan-pf-regs.ts';

/** Of the port's net device, and of the RDMA device on it. */
export const MAC = '02:00:00:00:00:31';
export const LINK_SPEED_MBPS = 200_000;
/** Of a frame; the driver takes the headers off (idpf_virtchnl.c, idpf_vport_init()). */
export const MAX_FRAME_BYTES = 9234;
/** The only one; any number would do. */
export const VPORT_ID = 0;

/** The driver maps its registers by their offsets in BAR 0; those of RDMA end at 0xc001000 (ig3rdma_hw.h). */
export const REGISTER_BAR = 0;
export const REGISTER_BAR_BYTES = 256 * 2 ** 20;
/** Where the table of vectors is, no driver asks: a guess. */
export const MSIX_BAR = 4;
export const MSIX_BAR_BYTES = 4096;

/**
 * One for the mailbox, three for queues of the net device, four for RDMA. With more of these than
 * processors, asynchronous events have one of their own (irdma's hw.c, irdma_save_msix_info()).
 */
export const VECTORS = { all: 8, rdma: 4, mailbox: 0 } as const;
/** Of the registers of one vector to those of the next (idpf_lan_pf_regs.h, PF_GLINT_DYN_CTL()). */
export const VECTOR_SPACING = 0x1000;

export const QUEUES = { transmit: 4, receive: 4, buffers: 8, completions: 4 } as const;
export const QUEUE_TAIL_SPACING = 0x1000;
export const QUEUE_TAILS = {
  transmit: PF_QTX_BASE,
  receive: PF_QRX_BASE,
  buffers: PF_QRX_BUFFQ_BASE,
} as const;

/** What of BAR 0 the driver maps beside the mailbox and the reset: the rest is told by a message. */
export const MEMORY_REGIONS = [
  { start: PF_QRX_BASE, bytes: PF_QTX_BASE + QUEUES.transmit * QUEUE_TAIL_SPACING },
  { start: PF_INT_DIR_OICR_ENA, bytes: 0x1000 },
  { start: PF_GLINT_BASE, bytes: VECTORS.all * VECTOR_SPACING },
] as const;
