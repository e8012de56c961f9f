/**
 * What differs from driver to driver below the verbs: the data that create calls carry for the
 * driver, the queues that are mapped into the process, and how two QPs are connected. Everything
 * else is the same uverbs interface for all.
 */
import type { CallOutcome } from '../../uapi/call-outcome.ts';
import type { Errno } from '../../uapi/errno.ts';
import type {
  Completion,
  Connection,
  CreateRequests,
  Facts,
  QpEnd,
  RdmaKind,
  RdmaObject,
  ReceiveRequest,
  SendOpcode,
  SendRequest,
} from '../contract-verbs.ts';

/** What a part speaks of; folders of parts import from here and not from the contract. */
export type {
  Completion,
  Connection,
  CreateRequests,
  Facts,
  QpEnd,
  RdmaKind,
  RdmaObject,
  ReceiveRequest,
  SendOpcode,
  SendRequest,
  Sge,
} from '../contract-verbs.ts';

/** A call that carries driver data: the creation of an object, or one of these. */
export type DriverCall = RdmaKind | 'context' | 'resize-cq' | 'modify-srq';

/** The driver's part of one call: UVERBS_ATTR_UHW_IN and _OUT, or the tail of a write command. */
export interface DriverData {
  /** What the driver is told; empty for nothing. */
  readonly input: Buffer;
  /** Bytes that the driver may answer with; 0 for none. */
  readonly outputSize: number;
  /** Where the driver answers through an address in `input`: that memory, taken as the response. */
  readonly memory?: Buffer;
}

/** Nothing is said to the driver and nothing comes from it. */
export const NO_DRIVER_DATA: DriverData = { input: Buffer.alloc(0), outputSize: 0 };

/** An object that the kernel has just made. */
export interface Made<K extends RdmaKind> {
  /** The uverbs descriptor, for mmap(2). */
  readonly fd: number;
  readonly object: RdmaObject;
  readonly want: CreateRequests[K];
  /** What the driver answered: UHW_OUT. */
  readonly response: Buffer;
}

/** A queue that is mapped into the process. */
export interface UserQueue {
  /** Unmaps it; again does nothing. After that no other method is called. */
  close(): void;
}

export interface CompletionQueue extends UserQueue {
  /** Takes at most `max` completions. */
  poll(max: number): readonly Completion[];
  /** Where arming is a store into the mapping; absent where it is the command REQ_NOTIFY_CQ. */
  arm?(solicitedOnly: boolean): void;
  /** After a resize: maps the new queue in place of the old. Absent where CQs cannot be resized. */
  remap?(response: Buffer): CallOutcome<undefined>;
}

/**
 * Where work requests go. `post` puts them in, in order, and makes them visible to the driver at
 * once; the session rings the doorbell after it, also when only some went in.
 */
export interface SendQueue extends UserQueue {
  /**
   * @returns how many went in, and why the next did not: ENOMEM for a full queue, EINVAL for what
   * cannot be encoded, 0 when all did
   */
  post(requests: readonly SendRequest[]): Posted;
  /** Forgets what the driver has not taken: after the QP went to RESET. */
  drop?(): void;
}

export interface ReceiveQueue extends UserQueue {
  post(requests: readonly ReceiveRequest[]): Posted;
  /** As for sends. */
  drop?(): void;
  /** After MODIFY_SRQ changed the size. */
  remap?(response: Buffer): CallOutcome<undefined>;
}

export interface Posted {
  readonly count: number;
  readonly errno: Errno;
}

export interface QpQueues {
  readonly send?: SendQueue;
  /** Absent for a QP on an SRQ. */
  readonly receive?: ReceiveQueue;
}

/** How a driver's queues come into the process. A failure leaves nothing mapped. */
export interface UserQueues {
  openCq(made: Made<'cq'>): CallOutcome<CompletionQueue>;
  openQp(made: Made<'qp'>): CallOutcome<QpQueues>;
  openSrq(made: Made<'srq'>): CallOutcome<ReceiveQueue>;
  /**
   * Does POST_RECV or POST_SRQ_RECV without work requests follow a post? Sends always are followed
   * by POST_SEND without work requests.
   * Default: no doorbell for receives.
   */
  readonly ringsForReceives?: boolean;
}

/** The part of the provider that knows one kernel driver. */
export interface Part {
  /** As rdmaDevices() of uapi/sysfs-rdma.ts names it. */
  readonly driver: string;
  /** enum rdma_driver_id */
  readonly driverId: number;
  /** Says whether this part ever ran on a device, for the report: `lab`, or `never run`. */
  readonly shown: 'lab' | 'never run';
  /** Default: NO_DRIVER_DATA for every call. */
  driverData?(call: DriverCall, want: unknown): DriverData;
  /** Fields of an object that only the driver's answer has: srq `number`, ah `number`. */
  fields?(kind: RdmaKind, response: Buffer): RdmaObject['fields'];
  /** Jobs that the driver's queues have a code for. Default: all. */
  readonly opcodes?: ReadonlySet<SendOpcode>;
  /** Absent: commands only, no jobs. */
  readonly queues?: UserQueues;
  /** Absent: by MODIFY_QP alone, see connect.ts. */
  connect?(own: QpEnd, peer: QpEnd, how: Connection): CallOutcome<Facts>;
}
