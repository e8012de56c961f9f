import type { FlowRequest, Spread } from './contract-flow.ts';

/** The objects of an RDMA session: what each kind is made from, and what is known of it. */

export type RdmaKind = keyof CreateRequests;

/** An object of a session. Destroying it is the business of whoever asked for it. */
export interface RdmaObject {
  readonly kind: RdmaKind;
  /** The uverbs handle; of a completion channel and of an event file the descriptor. */
  readonly handle: number;
  /**
   * What belongs to it, by kind. mr: lkey, rkey, address (the first byte as keys see it), length.
   * mw: rkey, type. cq: entries. srq, wq: maxWr, maxSge, number. qp: number, type (as the
   * kernel numbers it), sendWr, receiveWr, sendSge, receiveSge, inline. ah: what the driver's
   * queues name it by. dm: length, and where it can be mapped offset (in the session's file) and
   * start (its first byte in what is mapped there). Others: nothing.
   */
  readonly fields: Readonly<Record<string, number | bigint>>;
}

/** Bits of enum ib_uverbs_access_flags. */
export type AccessBits = number;

export type QpType = 'rc' | 'uc' | 'ud' | 'xrc-ini' | 'xrc-tgt' | 'raw-packet' | 'driver';
export type QpState = 'reset' | 'init' | 'rtr' | 'rts' | 'sqd' | 'sqe' | 'err';

export interface QpLimits {
  readonly sendWr?: number;
  readonly receiveWr?: number;
  readonly sendSge?: number;
  readonly receiveSge?: number;
  /** Bytes. */
  readonly inline?: number;
}

/** What each kind of object is made from. Objects may come from another session, as cases want it. */
export interface CreateRequests {
  pd: Record<never, never>;
  mr: {
    readonly pd: RdmaObject;
    /** Where the memory lies in this process. */
    readonly start: bigint;
    readonly length: bigint;
    /** The address that keys use. Default: `start`. */
    readonly iova?: bigint;
    readonly access: AccessBits;
  };
  'dmabuf-mr': {
    readonly pd: RdmaObject;
    readonly dmabuf: number;
    readonly offset: bigint;
    readonly length: bigint;
    readonly iova: bigint;
    readonly access: AccessBits;
  };
  'dm-mr': {
    readonly pd: RdmaObject;
    readonly dm: RdmaObject;
    readonly offset: bigint;
    readonly length: bigint;
    readonly access: AccessBits;
  };
  mw: { readonly pd: RdmaObject; readonly type: 1 | 2 };
  dm: { readonly length: bigint; readonly alignment: number };
  channel: Record<never, never>;
  'async-events': Record<never, never>;
  cq: {
    readonly entries: number;
    readonly channel?: RdmaObject;
    readonly vector?: number;
    readonly userHandle?: bigint;
    /** enum ib_uverbs_ex_create_cq_flags; needs a form that carries flags. */
    readonly flags?: number;
    /** Where the completions are to be, zeroed. Default: where the driver has them. */
    readonly memory?: GivenMemory;
  };
  srq: {
    readonly pd: RdmaObject;
    readonly maxWr: number;
    readonly maxSge: number;
    readonly limit?: number;
    readonly type?: 'basic' | 'xrc' | 'tm';
    readonly xrcd?: RdmaObject;
    readonly cq?: RdmaObject;
  };
  qp: QpLimits & {
    readonly type: QpType;
    readonly pd?: RdmaObject;
    readonly sendCq?: RdmaObject;
    readonly receiveCq?: RdmaObject;
    readonly srq?: RdmaObject;
    readonly xrcd?: RdmaObject;
    readonly spread?: Spread;
    /** Every send completes with an entry, also the unsignalled ones. */
    readonly signalAll?: boolean;
    readonly userHandle?: bigint;
    readonly flags?: number;
    /** Replaces the number of the type: for types that do not exist. */
    readonly rawType?: number;
  };
  ah: { readonly pd: RdmaObject; readonly to: Address; readonly port?: number };
  /** `inode`: a file that names the domain across processes. */
  xrcd: { readonly inode?: number };
  wq: {
    readonly pd: RdmaObject;
    readonly cq: RdmaObject;
    readonly maxWr: number;
    readonly maxSge: number;
  };
  'wq-table': { readonly log2Size: number; readonly wqs: readonly RdmaObject[] };
  flow: FlowRequest;
  counters: Record<never, never>;
  /** Where each of its two counts lies; left out where the driver needs no memory for it. */
  'comp-cntr': { readonly [side in CounterSide]?: GivenMemory };
}

/** A completion counter is two: of requests that ended well, and of those that did not. */
export type CounterSide = 'successes' | 'errors';

/** Memory of this process, or a part of a dma-buf, that is given to the kernel for an object. */
export interface GivenMemory {
  readonly dmabuf?: number;
  /** In this process, or within the dma-buf. */
  readonly address: bigint;
  readonly length: bigint;
}

/** How a port is reached. */
export interface Address {
  /** 16 bytes as RFC 4291 text; RoCE v2 over IPv4 is ::ffff:a.b.c.d. */
  readonly gid: string;
  readonly lid: number;
  /** Of the sender: which of its own GIDs it sends from. */
  readonly gidIndex: number;
  readonly port: number;
}
