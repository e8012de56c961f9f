/** What this device is like, as far as no command asks for it. */
export const LIMITS = {
  firmware: { major: 16, minor: 35, sub: 1000 },
  /** 32 commands at a time, entries of 64 bytes. */
  logCommands: 5,
  logCommandStride: 6,
  clockKhz: 156_250,
} as const;

/** Of BAR 0: the initialization segment, then pages of doorbells (UARs), then memory of the device. */
export const BAR_BYTES = 64 * 1024 * 1024;
export const UAR_BYTES = 4096;
/** The segment takes what would be the first ones. */
export const FIRST_UAR = 16;
export const UARS = 4096;
export const MEMIC_START = 32 * 1024 * 1024;
export const MEMIC_BYTES = 256 * 1024;

/** Contexts of users who send commands, and pieces of memory that they name in them. */
export const LOG_USERS = 12;
export const LOG_USER_MEMORY = 14;
/** Who uses this says that all may have what is made. Source: include/linux/mlx5/mlx5_ifc.h, MLX5_SHARED_RESOURCE_UID */
export const SHARED_USER = 0xffff;

export const MSIX_VECTORS = 32;
export const MSIX_BAR_BYTES = 4096;

/** The board's name, by which the provider knows a model: at most 16 characters. */
export const BOARD = 'UAPI_CONFORM_MD';

/** The GUID is the address of the port with ff:fe in its middle, as the maker forms it. */
export const OWN_MAC = Buffer.from('020000000031', 'hex');
export const SYSTEM_GUID = 0x0200_00ff_fe00_0031n;

/** Keys of no memory: what is written there is gone, what fills dumps, and what ends a list of pieces. */
export const NULL_MKEY = 0x300;
export const DUMP_FILL_MKEY = 0x200;
/** Source: include/linux/mlx5/qp.h, MLX5_TERMINATE_SCATTER_LIST_LKEY */
export const END_OF_LIST_KEY = 0x100;
/** The first index of keys that the driver makes. */
export const FIRST_MKEY = 16;

/** QPs 0 and 1 are special on the wire, and have numbers of their own for the driver. */
export const FIRST_QPN = 64;
export const END_OF_QPNS = 2 ** 17;
/** One space of numbers for all that a doorbell may name; RQs are in it because completions name them. */
export const FIRST_SQN = END_OF_QPNS;
export const SQS = 2 ** 14;
export const FIRST_RQN = FIRST_SQN + SQS;
export const RQS = 2 ** 14;

export const LID = 1;
/** An end port with a subnet of its own, whose only other port is itself. */
export const SUBNET_PREFIX = 0xfe80_0000_0000_0000n;
export const PORT_GUID = SYSTEM_GUID + 1n;
export const FULL_MEMBER_PKEY = 0xffff;
export const MTU_BYTES = 4096;
/** Without the checksum behind it: a header, a tag of a VLAN, and what the MTU lets in. */
export const MAX_FRAME_BYTES = 18 + MTU_BYTES;
export const MIN_FRAME_BYTES = 14;
export const MAX_MESSAGE_BYTES = 2 ** 30;
