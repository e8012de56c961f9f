/**
 * What the device reads and writes in the queues, which no uAPI header has. All of it is big-endian.
 * Source: include/linux/mlx5/qp.h and device.h; drivers/infiniband/hw/mlx5/wr.c, srq.c and cq.c use it so.
 */

/** Sends lie in blocks of this size (MLX5_SEND_WQE_BB), each in whole ones; its parts are of 16 bytes. */
export const BLOCK_BYTES = 64;
export const PART_BYTES = 16;
export const CQE_BYTES = 64;

/** Bytes of the segments that requests are made of. */
export const SEGMENT = {
  /** struct mlx5_wqe_ctrl_seg */
  control: 16,
  /** struct mlx5_wqe_xrc_seg */
  xrc: 16,
  /** struct mlx5_wqe_raddr_seg */
  remote: 16,
  /** struct mlx5_wqe_atomic_seg */
  atomic: 16,
  /** struct mlx5_wqe_datagram_seg */
  datagram: 48,
  /** struct mlx5_wqe_eth_seg, with two bytes of the headers; the rest of them follows, in whole parts. */
  ethernet: 16,
  /** struct mlx5_wqe_data_seg */
  data: 16,
  /** struct mlx5_wqe_inline_seg; the data follow. */
  inline: 4,
  /** struct mlx5_wqe_srq_next_seg */
  next: 16,
  /** struct mlx5_wqe_umr_ctrl_seg */
  keyChange: 48,
  /** struct mlx5_mkey_seg */
  key: 64,
  /** A struct mlx5_klm, in the room that a change of a key has for them (MLX5_UMR_FLEX_ALIGNMENT). */
  translationRoom: 64,
} as const;

/** MLX5_OPCODE_*; the device names a send by it in its completion too. */
export const OPCODE = {
  sendInvalidate: 0x01,
  write: 0x08,
  writeImmediate: 0x09,
  send: 0x0a,
  sendImmediate: 0x0b,
  read: 0x10,
  compareSwap: 0x11,
  fetchAdd: 0x12,
  keyChange: 0x25,
} as const;

/** struct mlx5_wqe_ctrl_seg. `index` has the opcode in its lowest byte, `parts` the QP above its own. */
export const CONTROL = { index: 0, parts: 4, flags: 11, extra: 12 } as const;

/** MLX5_WQE_CTRL_*, MLX5_FENCE_MODE_* */
export const CONTROL_FLAG = {
  solicited: 1 << 1,
  completes: 2 << 2,
  /** After changes of keys. */
  smallFence: 1 << 5,
  /** After reads and atomics too: MLX5_FENCE_MODE_SMALL_AND_FENCE. */
  fence: 4 << 5,
} as const;

/** struct mlx5_wqe_raddr_seg, mlx5_wqe_atomic_seg, mlx5_wqe_data_seg */
export const REMOTE = { address: 0, key: 8 } as const;
export const ATOMIC = { swapAdd: 0, compare: 8 } as const;
export const DATA = { length: 0, key: 4, address: 8 } as const;

/** struct mlx5_wqe_eth_seg: how long the headers are that stand in it, and where they begin. */
export const ETHERNET = { headerLength: 12, header: 14 } as const;

/** MLX5_INLINE_SEG: the data are here, and the rest of the length is theirs. */
export const INLINE = 0x8000_0000;
/** MLX5_TERMINATE_SCATTER_LIST_LKEY: no more pieces follow. */
export const NO_MORE_PIECES = 0x100;

/** struct mlx5_av, which is all of a datagram's segment. */
export const AV = {
  qkey: 0,
  qpn: 8,
  rateLevel: 12,
  lid: 14,
  mac: 20,
  hopLimit: 27,
  /** Flow label, index of the sender's GID, and whether there is a global header. */
  global: 28,
  gid: 32,
} as const;

/** MLX5_EXTENDED_UD_AV: the addresses are behind the numbers. */
export const EXTENDED_AV = 0x8000_0000;
/** In `global`, of InfiniBand alone: RoCE has the header always. Source: ah.c, create_ib_ah() */
export const HAS_GLOBAL_HEADER = 2 ** 30;

/** struct mlx5_wqe_umr_ctrl_seg, with MLX5_UMR_* and MLX5_MKEY_MASK_* */
export const KEY_CHANGE = { flags: 0, translations: 4, mask: 8 } as const;
export const KEY_CHANGE_FLAG = {
  /** Only of a key that is bound to this QP; this flag has a name in rdma-core alone (mlx5dv.h). */
  ofThisQp: 1 << 3,
  translationOffset: 1 << 4,
  /** Only of a key that is free: MLX5_UMR_CHECK_NOT_FREE, which fails if not free. */
  ofFree: 1 << 5,
  inline: 1 << 7,
} as const;
export const KEY_MASK = {
  length: 1n << 0n,
  start: 1n << 6n,
  variant: 1n << 13n,
  qpn: 1n << 14n,
  localWrite: 1n << 18n,
  remoteRead: 1n << 19n,
  remoteWrite: 1n << 20n,
  atomic: 1n << 21n,
  free: 1n << 29n,
} as const;

/** struct mlx5_mkey_seg, with MLX5_MKEY_STATUS_FREE and MLX5_PERM_* */
export const KEY = { status: 0, rights: 2, qpnVariant: 4, start: 16, length: 24 } as const;
export const KEY_FREE = 1 << 6;
export const KEY_RIGHT = { localWrite: 8, remoteRead: 16, remoteWrite: 32, atomic: 64 } as const;

/** struct mlx5_wqe_srq_next_seg */
export const NEXT_INDEX = 2;

/** Doorbell records: a word of a receive queue (or of a CQ's consumer), and one of sends (or of arming). */
export const RECORD = { receives: 0, sends: 4, consumed: 0, armed: 4 } as const;

/** MLX5_IB_MMAP_CMD_SHIFT: how a page is mapped stands in its offset, above its number. */
export const HOW_SHIFT = 8;

/** Registers in a page of the device. Source: include/linux/mlx5/doorbell.h */
export const REGISTER = { cq: 0x20, work: 0x800 } as const;

/** struct mlx5_cqe64; of a completion with an error struct mlx5_err_cqe, which has the same ends. */
export const CQE = {
  /** The far QP, and in bits 28 and 29 whether and where there is a global header. */
  remote: 24,
  /** The number of an SRQ, or the index that was given to the queue: by the version of completions. */
  queue: 32,
  extra: 36,
  length: 44,
  vendorError: 54,
  syndrome: 55,
  /** The QP, and in the highest byte the opcode of a send. */
  qpn: 56,
  index: 60,
  /** The kind in the upper half of the byte, and in the lowest bit whose the entry is. */
  kind: 63,
} as const;

/** MLX5_CQE_* */
export const CQE_KIND = {
  sent: 0,
  receivedWriteImmediate: 1,
  receivedSend: 2,
  receivedSendImmediate: 3,
  receivedSendInvalidate: 4,
  resized: 5,
  sendError: 13,
  receiveError: 14,
  invalid: 15,
} as const;
