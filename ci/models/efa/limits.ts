import { EFA_IO_TX_DESC_INLINE_MAX_SIZE } from '../../../providers/rdma/efa/io-defs.ts';
import {
  EFA_ADMIN_AENQ_CONFIG,
  EFA_ADMIN_DEVICE_ATTR,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_READ_COMP_ERR_MASK,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_READ_COMP_MASK,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_RECV_COMP_ERR_MASK,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_RECV_COMP_MASK,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_REMOTE_READ_COMP_MASK,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_REMOTE_WRITE_COMP_MASK,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_SEND_COMP_ERR_MASK,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_SEND_COMP_MASK,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_WRITE_COMP_ERR_MASK,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_WRITE_COMP_MASK,
  EFA_ADMIN_EVENT_QUEUE_ATTR,
  EFA_ADMIN_FATAL_ERROR,
  EFA_ADMIN_FEATURE_DEVICE_ATTR_DESC_EVENT_COUNTERS_MASK,
  EFA_ADMIN_FEATURE_DEVICE_ATTR_DESC_RDMA_READ_MASK,
  EFA_ADMIN_FEATURE_DEVICE_ATTR_DESC_RDMA_WRITE_MASK,
  EFA_ADMIN_FEATURE_DEVICE_ATTR_DESC_RNR_RETRY_MASK,
  EFA_ADMIN_FEATURE_DEVICE_ATTR_DESC_UNSOLICITED_WRITE_RECV_MASK,
  EFA_ADMIN_HOST_INFO,
  EFA_ADMIN_HW_HINTS,
  EFA_ADMIN_KEEP_ALIVE,
  EFA_ADMIN_NETWORK_ATTR,
  EFA_ADMIN_NOTIFICATION,
  EFA_ADMIN_QUEUE_ATTR_1,
  EFA_ADMIN_QUEUE_ATTR_2,
  EFA_ADMIN_WARNING,
} from './headers/efa-admin-cmds-defs.ts';

/**
 * What this device says of itself. The kinds are those of an EFA of the second generation (RDMA read
 * and write); the numbers are of the size that ibv_devinfo shows on instances with one, and smaller
 * where a model must keep memory for them. No document gives them, so no test may rely on one.
 */
export const LIMITS = {
  maxQp: 256,
  maxSqDepth: 1024,
  /** None. With one, a user library that knows no such limit would be refused by the driver. */
  minSqDepth: 0,
  maxRqDepth: 4096,
  maxCq: 512,
  maxCqDepth: 32768,
  /** efadv_query_cq() of rdma-core works with one only, so devices with more are rare at best. */
  subCqsPerCq: 1,
  maxSendSges: 2,
  maxRecvSges: 2,
  maxRdmaSges: 1,
  maxMr: 65536,
  maxMrPages: 2 ** 24,
  maxPd: 256,
  maxAh: 1024,
  maxUar: 256,
  maxEq: 32,
  maxEqDepth: 1024,
  /** Two for each of what the kernel calls a completion counter. */
  maxEventCounters: 128,
  /** 64 bytes for each of the most entries. */
  maxLlqBytes: 1024 * 64,
  /**
   * In units of 64 bytes, between two doorbells. A user library that knows no such limit is refused
   * (efa_verbs.c, efa_user_supp_handshake()).
   */
  maxTxBatch: 16,
  inlineBytes: EFA_IO_TX_DESC_INLINE_MAX_SIZE,
  mtu: 8928,
  maxRdmaBytes: 2 ** 30,
  linkGbps: 200,
} as const;

/** Of an event counter; the next event makes it 0. */
export const MAX_COUNT = 2n ** 48n - 1n;

/** Events of queue pairs that can be counted: all that the header has. */
export const COUNTED_EVENTS =
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_SEND_COMP_MASK |
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_SEND_COMP_ERR_MASK |
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_RECV_COMP_MASK |
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_RECV_COMP_ERR_MASK |
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_READ_COMP_MASK |
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_READ_COMP_ERR_MASK |
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_WRITE_COMP_MASK |
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_WRITE_COMP_ERR_MASK |
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_REMOTE_READ_COMP_MASK |
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_REMOTE_WRITE_COMP_MASK;

/** Of pages that a memory region can be made of: 4 KiB to 2 GiB, the powers of two between. */
export const PAGE_SHIFTS = { least: 12, most: 31 } as const;

export const MSIX_VECTORS = 33;

/** Link-local, made of an address that is set aside for documents; the same in every machine. */
export const GID = Buffer.from('fe8000000000000002005efffe005301', 'hex');
export const NODE_GUID = 0x0153_00fe_ff5e_0002n;

const bits = (...list: readonly number[]): number => list.reduce((all, bit) => all | (1 << bit), 0);

export const FEATURES = bits(
  EFA_ADMIN_DEVICE_ATTR,
  EFA_ADMIN_AENQ_CONFIG,
  EFA_ADMIN_NETWORK_ATTR,
  EFA_ADMIN_QUEUE_ATTR_1,
  EFA_ADMIN_HW_HINTS,
  EFA_ADMIN_HOST_INFO,
  EFA_ADMIN_EVENT_QUEUE_ATTR,
  EFA_ADMIN_QUEUE_ATTR_2,
);

export const AENQ_GROUPS = bits(
  EFA_ADMIN_FATAL_ERROR,
  EFA_ADMIN_WARNING,
  EFA_ADMIN_NOTIFICATION,
  EFA_ADMIN_KEEP_ALIVE,
);

export const DEVICE_CAPS =
  EFA_ADMIN_FEATURE_DEVICE_ATTR_DESC_RDMA_READ_MASK |
  EFA_ADMIN_FEATURE_DEVICE_ATTR_DESC_RNR_RETRY_MASK |
  EFA_ADMIN_FEATURE_DEVICE_ATTR_DESC_RDMA_WRITE_MASK |
  EFA_ADMIN_FEATURE_DEVICE_ATTR_DESC_UNSOLICITED_WRITE_RECV_MASK |
  EFA_ADMIN_FEATURE_DEVICE_ATTR_DESC_EVENT_COUNTERS_MASK;

/**
 * The BARs. The driver asks for 0 and 2 (efa_main.c, EFA_BASE_BAR_MASK) and for the one that the
 * device attributes name for doorbells; that it has one of its own is a guess.
 */
export const REGISTER_BAR = 0;
export const LLQ_BAR = 2;
export const DOORBELL_BAR = 4;
export const REGISTER_BAR_BYTES = 16 * 1024;
export const LLQ_BAR_BYTES = LIMITS.maxQp * LIMITS.maxLlqBytes;
/** A page for each UAR, since a page is what a process can map. */
export const DOORBELL_PAGE_BYTES = 4096;
export const DOORBELL_BAR_BYTES = LIMITS.maxUar * DOORBELL_PAGE_BYTES;

/** Ways by which the device reaches memory. */
export const INTERCONNECTS = { recv: 1, rdmaRead: 2, rdmaRecv: 3 } as const;
