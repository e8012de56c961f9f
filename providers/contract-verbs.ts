/**
 * The part of the contract that RDMA devices keep: the verbs, over whatever form of the uverbs
 * interface the kernel has, and jobs that go straight into the mapped work queues.
 *
 * As with all verbs of the contract nothing is retried, checked or repaired here; a request goes to
 * the kernel as it is, also a wrong one. Field names follow the InfiniBand specification and
 * include/uapi/rdma/ib_user_verbs.h, in camel case.
 */
import type { CallOutcome } from '../uapi/call-outcome.ts';
import type { CharDeviceClient } from '../uapi/rdma-char-device.ts';
import type { MapPlan } from './contract.ts';
import type { Completion, RdmaEvent, ReceiveRequest, SendRequest, Sge } from './contract-jobs.ts';
import type {
  AccessBits,
  Address,
  CounterSide,
  CreateRequests,
  QpState,
  QpType,
  RdmaKind,
  RdmaObject,
} from './contract-objects.ts';

export {
  type Completion,
  type RdmaEvent,
  type ReceiveRequest,
  type SendOpcode,
  type SendRequest,
  type Sge,
  WC_STATUS,
} from './contract-jobs.ts';

export type {
  AccessBits,
  Address,
  CounterSide,
  CreateRequests,
  GivenMemory,
  QpLimits,
  QpState,
  QpType,
  RdmaKind,
  RdmaObject,
} from './contract-objects.ts';

type Outcome<T> = CallOutcome<T>;

/**
 * Which entry of the uverbs interface a verb takes: a method of RDMA_VERBS_IOCTL, a command by
 * write(2), or that command wrapped in UVERBS_METHOD_INVOKE_WRITE. Default: the method where the
 * kernel has one, else the command by write(2). A form that a verb does not have is a TypeError.
 */
export type VerbsAbi = 'ioctl' | 'write' | 'invoke';

/** Facts as the kernel gives them, by field name; names of states and the like are texts. */
export type Facts = { readonly [name: string]: Fact | Facts | readonly (Fact | Facts)[] };
type Fact = number | bigint | string | boolean;

export interface CounterChange {
  readonly which: CounterSide;
  readonly operation: 'set' | 'increment';
  readonly value: bigint;
}

/** enum ib_wq_state. Source: include/rdma/ib_verbs.h */
export const WQ_STATES = { reset: 0, ready: 1, error: 2 } as const;

/** States are numbers, also such as there are not; the attribute mask is made of what is there. */
export interface WqChange {
  readonly state?: number;
  readonly currentState?: number;
  /** Further bits of enum ib_wq_attr_mask. */
  readonly extraMask?: number;
}

/** What `modify` sets; the attribute mask is made of what is there. */
export interface QpAttributes {
  readonly state?: QpState;
  readonly currentState?: QpState;
  readonly port?: number;
  readonly pkeyIndex?: number;
  readonly access?: AccessBits;
  readonly qkey?: number;
  readonly pathMtu?: 256 | 512 | 1024 | 2048 | 4096;
  readonly remoteQpn?: number;
  readonly receivePsn?: number;
  readonly sendPsn?: number;
  readonly maxReadAtomic?: number;
  readonly maxDestReadAtomic?: number;
  /** IBA encodings: 4.096 us * 2^timeout, and the RNR table. */
  readonly timeout?: number;
  readonly retryCount?: number;
  readonly rnrRetry?: number;
  readonly minRnrTimer?: number;
  readonly to?: Address;
  readonly sqdAsyncNotify?: boolean;
  /** Further bits of enum ib_qp_attr_mask, with no attribute behind them. */
  readonly extraMask?: number;
}

/**
 * Ways between two ports. All but `clean` are impaired on purpose, which only the lab has
 * (providers/rdma/lab-links.sh): 10 % random loss, every second packet lost, 20 ms delay, every
 * packet twice, every fifth packet overtaking others, nothing coming through.
 */
export type LinkPath = 'clean' | 'loss' | 'drop-half' | 'delay' | 'duplicate' | 'reorder' | 'dead';

export interface Connection {
  /** Default: clean. */
  readonly path?: LinkPath;
  /** How far both ends are brought. Default: rts. */
  readonly until?: 'init' | 'rtr' | 'rts';
  /** What the far side may do to each end. Default: everything that MRs can allow. */
  readonly access?: AccessBits;
  readonly pathMtu?: QpAttributes['pathMtu'];
  readonly timeout?: number;
  readonly retryCount?: number;
  readonly rnrRetry?: number;
  readonly minRnrTimer?: number;
  readonly maxReadAtomic?: number;
}

/** How a verb is called; every verb takes it last. */
export interface How {
  readonly abi?: VerbsAbi;
}

/** A QP together with the session that it is of. */
export interface QpEnd {
  readonly verbs: RdmaVerbs;
  readonly qp: RdmaObject;
}

/** The verbs of one uverbs context. */
export interface RdmaVerbs {
  /** struct ib_uverbs_query_device_resp, with `extended` the fields that only the EX form has. */
  queryDevice(how?: How & { readonly extended?: boolean }): Outcome<Facts>;
  queryPort(port: number, how?: How): Outcome<Facts>;
  /** What it really carries, of all its links: {speed} in units of 100 Mb/s. */
  queryPortSpeed(port: number): Outcome<Facts>;
  /** Entries of the GID table: {gid, index, port, type}. */
  queryGidTable(): Outcome<Facts>;
  queryGid(port: number, index: number): Outcome<Facts>;
  /**
   * What netlink says of the node of this device, or of `rdma_cm` for all devices:
   * {name, number, abi, driverId}. A port makes it the question after the node of a port.
   */
  queryCharDevice(client: CharDeviceClient, port?: number): Outcome<Facts>;
  /** The objects of this context by UVERBS_METHOD_INFO_HANDLES: {handles, total}. */
  infoHandles(objectId: number): Outcome<Facts>;

  /**
   * Guarantees: on success the object exists and is usable at once, with its queues mapped; on
   * failure nothing was made, and the kernel holds nothing of it.
   */
  create<K extends RdmaKind>(kind: K, want: CreateRequests[K], how?: How): Outcome<RdmaObject>;
  /** Guarantees: EBUSY while another object needs it; after success the handle is unknown. */
  destroy(object: RdmaObject, how?: How): Outcome<Facts>;
  /** qp, srq, mr, counters, comp-cntr, and what else has a query. */
  query(object: RdmaObject, how?: How): Outcome<Facts>;
  /** With `extended` by EX_MODIFY_QP. */
  modifyQp(
    qp: RdmaObject,
    attributes: QpAttributes,
    how?: How & { readonly extended?: boolean },
  ): Outcome<Facts>;
  modifyWq(wq: RdmaObject, change: WqChange, how?: How): Outcome<Facts>;
  modifySrq(
    srq: RdmaObject,
    attributes: { readonly maxWr?: number; readonly limit?: number },
    how?: How,
  ): Outcome<Facts>;
  /** `flags`: enum ib_mr_rereg_flags. Gives the object with its new keys. */
  reregisterMr(
    mr: RdmaObject,
    change: Partial<CreateRequests['mr']> & { readonly flags: number },
    how?: How,
  ): Outcome<RdmaObject>;
  adviseMr(
    pd: RdmaObject,
    advice: { readonly advice: number; readonly flags: number; readonly sges: readonly Sge[] },
  ): Outcome<Facts>;
  /** Where the CPU finds memory of the device; EOPNOTSUPP where that is not known. */
  placeOfDm(dm: RdmaObject): Outcome<MapPlan>;
  /**
   * Makes a dma-buf of what mmap(2) shows at an offset of the session's file.
   * Guarantees: the caller owns the descriptor; nobody reaches the memory through the dma-buf any more
   * once it is given back or the session is closed.
   */
  exportPages(offset: bigint): Outcome<number>;
  /** Gives the CQ with its new size; completions that wait stay. */
  resizeCq(cq: RdmaObject, entries: number, how?: How): Outcome<RdmaObject>;
  openQp?(
    want: { readonly xrcd: RdmaObject; readonly qpn: number; readonly type: QpType },
    how?: How,
  ): Outcome<RdmaObject>;
  modifyCompCntr(counter: RdmaObject, change: CounterChange): Outcome<Facts>;
  /** `operations`: enum ib_uverbs_qp_attach_comp_cntr_op. It is detached when the QP goes. */
  attachCompCntr(qp: RdmaObject, counter: RdmaObject, operations: number): Outcome<Facts>;
  /** {maxCounters, maxValue, operations} */
  queryCompCntrCaps(): Outcome<Facts>;
  attachMulticast(qp: RdmaObject, gid: string, lid: number, how?: How): Outcome<Facts>;
  detachMulticast(qp: RdmaObject, gid: string, lid: number, how?: How): Outcome<Facts>;

  /** Where this context's port is reached; undefined when it has no usable address on that path. */
  localAddress(path?: LinkPath): Address | undefined;
  /**
   * Brings two QPs together by what the transport asks for: the state machine, or a connection of
   * the RDMA CM. Guarantees: on success both are in the state asked for and see each other.
   */
  connect(own: RdmaObject, peer: QpEnd, how?: Connection): Outcome<Facts>;

  /**
   * Puts work requests into the send queue and rings the doorbell once.
   * Guarantees: none is lost or done twice; ENOMEM when the queue is full, then the ones before are
   * posted; EINVAL for what cannot be encoded (too many SGEs, too much inline data).
   */
  postSend(qp: RdmaObject, requests: readonly SendRequest[], how?: How): Outcome<Facts>;
  /** `queue`: a QP, an SRQ or a WQ, which has no command for it: all but its queue is a TypeError. */
  postReceive(queue: RdmaObject, requests: readonly ReceiveRequest[], how?: How): Outcome<Facts>;
  /** Takes at most `max` completions, does not wait. */
  pollCq(cq: RdmaObject, max: number, how?: How): Outcome<readonly Completion[]>;
  armCq(cq: RdmaObject, solicitedOnly: boolean, how?: How): Outcome<Facts>;
  /** One event of a channel or event file; EAGAIN when there is none (both are non-blocking). */
  readEvent(file: RdmaObject): Outcome<RdmaEvent>;
  /** The asynchronous event file that came with the context; as an object of kind async-events. */
  readonly asyncEvents: RdmaObject;
  /** enum rdma_driver_id, for raw calls. */
  readonly driverId: number;
  /**
   * An object that another process of ours made on the same open file. It has no queues here: they
   * are mapped where it was made.
   */
  adoptObject(kind: RdmaKind, handle: number, fields: RdmaObject['fields']): RdmaObject;
}
