/**
 * What differs from driver to driver below the verbs: the data that create calls carry for the
 * driver, the queues that are mapped into the process, and how two QPs are connected. Everything
 * else is the same uverbs interface for all.
 */
import type { CallOutcome } from '../../uapi/call-outcome.ts';
import type { Errno } from '../../uapi/errno.ts';
import type { Mapping } from '../../uapi/mapping.ts';
import type { AttributeValues } from '../../uapi/rdma/named-attributes.ts';
import type { Where } from '../contract.ts';
import type { FlowRequest } from '../contract-flow.ts';
import type {
  Address,
  Completion,
  Connection,
  CreateRequests,
  Facts,
  QpEnd,
  RdmaKind,
  RdmaObject,
  RdmaVerbs,
  ReceiveRequest,
  SendOpcode,
  SendRequest,
} from '../contract-verbs.ts';
import type { GidEntry } from './gid.ts';
import type { Missing } from './probe-reasons.ts';

/** What a part speaks of; folders of parts import from here and not from the contract. */
export type { Where } from '../contract.ts';
export { HASH_FIELDS, type HashField, type Spread } from '../contract-flow.ts';
export type {
  Address,
  Completion,
  Connection,
  CreateRequests,
  Facts,
  GivenMemory,
  QpEnd,
  RdmaKind,
  RdmaObject,
  RdmaVerbs,
  ReceiveRequest,
  SendOpcode,
  SendRequest,
  Sge,
} from '../contract-verbs.ts';

/**
 * A flow rule, and those of its counters that no rule counts into yet: what each of their values is, the rule
 * says.
 */
export interface FlowWant extends FlowRequest {
  readonly fresh: readonly RdmaObject[];
}

/** Calls that a queue comes from. */
export interface QueueRequests extends Pick<CreateRequests, 'cq' | 'qp' | 'srq' | 'wq'> {
  'resize-cq': { readonly entries: number };
}

export type QueueKind = keyof QueueRequests;

/** A call that carries driver data: the creation of an object, or one of these. */
export type DriverCall =
  | RdmaKind
  | 'context'
  | 'resize-cq'
  | 'modify-srq'
  | 'modify-wq'
  | 'query-device';

/**
 * The driver's part of one call: UVERBS_ATTR_UHW_IN and _OUT, or the tail of a write command; or
 * attributes.
 */
export interface DriverData {
  /** What the driver is told; empty for nothing. */
  readonly input: Buffer;
  /** Bytes that the driver may answer with; 0 for none. */
  readonly outputSize: number;
  /**
   * Memory that an address in `input` leads to: it lives through the call. Where the driver answers there,
   * it is the response.
   */
  readonly memory?: Buffer;
  /** Attributes of its own that a method takes. */
  readonly attributes?: AttributeValues;
}

/** Nothing is said to the driver and nothing comes from it. */
export const NO_DRIVER_DATA: DriverData = { input: Buffer.alloc(0), outputSize: 0 };

/** Memory that a driver wants to have registered, with what it is told then. */
export interface Registration {
  readonly start: bigint;
  readonly length: number;
  readonly input: Buffer;
}

/** An object that the kernel has just made. */
export interface Made<K extends RdmaKind> {
  /** The uverbs descriptor, for mmap(2). */
  readonly fd: number;
  readonly object: RdmaObject;
  readonly want: CreateRequests[K];
  /** What the driver answered: UHW_OUT. */
  readonly response: Buffer;
  /** What it answered when the context was made; empty where somebody else made it. */
  readonly contextAnswer: Buffer;
  /** What Part.queueMemory() gave; the queue's from here on. */
  readonly memory?: Mapping | undefined;
}

/** A queue that is mapped into the process. */
export interface UserQueue {
  /** Unmaps it; again does nothing. After that no other method is called. */
  close(): void;
}

/** What the kernel granted to a CQ, and the memory that it was told of, which is the queue's from here on. */
export interface Resized {
  readonly entries: number;
  readonly memory: Mapping | undefined;
}

export interface CompletionQueue extends UserQueue {
  /** Takes at most `max` completions. */
  poll(max: number): readonly Completion[];
  /**
   * Where arming is a store into the mapping; absent where it is the command REQ_NOTIFY_CQ.
   *
   * @returns 0, or why it cannot be armed so
   */
  arm?(solicitedOnly: boolean): Errno;
  /** An event of this channel was read: for armings that say how many events there were. */
  eventRead?(channel: RdmaObject): void;
  /** After a resize: maps the new queue in place of the old. Absent where CQs cannot be resized. */
  remap?(response: Buffer, resized: Resized): CallOutcome<undefined>;
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
  /** Where the doorbell is a store into a mapping; absent where it is POST_SEND without work requests. */
  ring?(): void;
  /** Forgets what the driver has not taken: after the QP went to RESET. */
  drop?(): void;
}

export interface ReceiveQueue extends UserQueue {
  post(requests: readonly ReceiveRequest[]): Posted;
  /** As for sends; absent where receives need no doorbell. */
  ring?(): void;
  /** As for sends. */
  drop?(): void;
  /** After MODIFY_SRQ changed the size. */
  remap?(response: Buffer): CallOutcome<undefined>;
}

export interface Posted {
  readonly count: number;
  readonly errno: Errno;
}

/**
 * Posts requests in order until one does not go in.
 *
 * @param postOne puts in the request of this number: 0, or why it cannot
 */
export function postEach<Request>(
  requests: readonly Request[],
  postOne: (request: Request, index: number) => Errno,
): Posted {
  for (const [count, request] of requests.entries()) {
    const errno = postOne(request, count);
    if (errno !== 0) return { count, errno };
  }
  return { count: requests.length, errno: 0 };
}

export interface QpQueues {
  readonly send?: SendQueue;
  /** Absent for a QP on an SRQ. */
  readonly receive?: ReceiveQueue;
}

/** How a driver's queues come into the process. A failure leaves nothing mapped. */
export interface UserQueues {
  /** How the device learns of new work: by a store to a page of its own, or by POST_SEND. */
  readonly doorbell: 'page' | 'command';
  openCq(made: Made<'cq'>): CallOutcome<CompletionQueue>;
  openQp(made: Made<'qp'>): CallOutcome<QpQueues>;
  openSrq(made: Made<'srq'>): CallOutcome<ReceiveQueue>;
  /** Absent: nothing can be received into work queues. */
  openWq?(made: Made<'wq'>): CallOutcome<ReceiveQueue>;
}

/** The part of the provider that knows one kernel driver. */
export interface Part {
  /** As rdmaDevices() of uapi/sysfs-rdma.ts names it. */
  readonly driver: string;
  /** enum rdma_driver_id */
  readonly driverId: number;
  /** Says whether this part ever ran on a device, for the report: `lab`, or `never run`. */
  readonly shown: 'lab' | 'never run';
  /** How real a device is, by its name. Default: metal. */
  where?(ibdev: string): Where;
  /** What its devices speak, where their nodes and ports do not tell. */
  readonly transport?: string;
  /**
   * What its device lacks, beside what is asked of all alike and what other drivers alone have, see
   * probe.ts.
   *
   * @param facts QUERY_DEVICE's
   */
  probe?(verbs: RdmaVerbs, facts: Facts): Missing;
  /**
   * Default: NO_DRIVER_DATA for every call.
   *
   * @param contextAnswer what the driver answered when the context was made
   * @param memory what queueMemory() gave for this call
   */
  driverData?(call: DriverCall, want: unknown, contextAnswer: Buffer, memory?: Mapping): DriverData;
  /**
   * Where queues are memory of the process: makes it, before the driver is told; nothing for what has no
   * queue.
   */
  readonly queueMemory?: {
    readonly [K in QueueKind]?: (
      want: QueueRequests[K],
      contextAnswer: Buffer,
    ) => CallOutcome<Mapping> | undefined;
  };
  /** What of that memory is registered before the driver is told of the queue. Default: nothing. */
  registrations?<K extends QueueKind>(
    kind: K,
    want: QueueRequests[K],
    memory: Mapping,
  ): readonly Registration[];
  /** What a library makes of a wish before the kernel sees it: rings of powers of two. */
  readonly prepare?: {
    cq?(want: CreateRequests['cq']): CreateRequests['cq'];
    qp?(want: CreateRequests['qp']): CreateRequests['qp'];
  };
  /** What the driver adds to QUERY_DEVICE of the extended form. */
  deviceFacts?(response: Buffer): Facts;
  /** Bits of enum ib_qp_attr_mask that QUERY_QP may ask for. Default: all. */
  readonly queryMask?: number;
  /** The entry of the GID table that a port is reached by. Default: that of RoCE or of InfiniBand, see gid.ts. */
  address?(entries: readonly GidEntry[]): Address | undefined;
  /** Fields of an object beside those of the core: srq `number`; of an ah what its datagrams must name. */
  fields?(kind: RdmaKind, response: Buffer, want: unknown): RdmaObject['fields'];
  /** Jobs that the driver's queues have a code for. Default: all. */
  readonly opcodes?: ReadonlySet<SendOpcode>;
  /** Absent: commands only, no jobs. */
  readonly queues?: UserQueues;
  /** QPs of raw packets have queues here, and a frame to a group comes back to the port that sent it. */
  readonly loopsFrames?: boolean;
  /** Absent: by MODIFY_QP alone, see connect.ts. */
  connect?(own: QpEnd, peer: QpEnd, how: Connection): CallOutcome<Facts>;
}
