/** Jobs of RDMA queues, what comes of them, and events: the words of `RdmaVerbs`. */
import type { AccessBits, RdmaObject } from './contract-objects.ts';

export type SendOpcode =
  | 'send'
  | 'send-immediate'
  | 'send-invalidate'
  | 'rdma-write'
  | 'rdma-write-immediate'
  | 'rdma-read'
  | 'compare-swap'
  | 'fetch-add'
  | 'local-invalidate'
  | 'bind-mw'
  | 'flush'
  | 'atomic-write';

/** A piece of memory as a work request names it. */
export interface Sge {
  readonly address: bigint;
  readonly length: number;
  readonly lkey: number;
}

export interface SendRequest {
  readonly id: bigint;
  readonly opcode: SendOpcode;
  readonly sges: readonly Sge[];
  readonly signaled?: boolean;
  readonly solicited?: boolean;
  readonly fence?: boolean;
  /** The data itself instead of `sges`; an atomic write takes its 8 bytes from here. */
  readonly inline?: Uint8Array;
  readonly immediate?: number;
  readonly remoteAddress?: bigint;
  readonly rkey?: number;
  /** compare-swap: the value compared with; fetch-add: the value added. */
  readonly compareAdd?: bigint;
  readonly swap?: bigint;
  /** local-invalidate, send-invalidate */
  readonly invalidateRkey?: number;
  /** bind-mw. `newRkey` is what the window is to be known by: type 2 keys end in a tag of ours. */
  readonly bind?: {
    readonly mw: RdmaObject;
    readonly mr: RdmaObject;
    readonly newRkey: number;
    readonly address: bigint;
    readonly length: bigint;
    readonly access: AccessBits;
  };
  /**
   * flush: how many bytes; bits of the placement (1 visible to all, 2 persistent); the selectivity
   * (0 the range, 1 the whole MR). Source: include/rdma/ib_verbs.h, enum ib_placement_type
   */
  readonly flush?: { readonly length: number; readonly type: number; readonly level: number };
  /** UD */
  readonly ah?: RdmaObject;
  readonly remoteQpn?: number;
  readonly remoteQkey?: number;
  /** XRC */
  readonly remoteSrqn?: number;
}

export interface ReceiveRequest {
  readonly id: bigint;
  readonly sges: readonly Sge[];
}

/** One work completion; status and opcode as in enum ib_wc_status and ib_wc_opcode, in words. */
export interface Completion {
  readonly id: bigint;
  /** `success`, `local-protection-error`, `remote-access-error`, `flushed` … see WC_STATUS. */
  readonly status: string;
  /** Only of successful work. */
  readonly opcode: string;
  readonly length: number;
  readonly qpn: number;
  readonly sourceQpn: number;
  readonly immediate: number;
  readonly invalidatedRkey: number;
  readonly hasImmediate: boolean;
  readonly hasGrh: boolean;
  readonly vendorError: number;
}

/** By number. Source: include/uapi/rdma/ib_user_verbs.h, enum ib_uverbs_wc_status of ib_verbs.h */
export const WC_STATUS = [
  'success',
  'local-length-error',
  'local-qp-operation-error',
  'local-eec-operation-error',
  'local-protection-error',
  'flushed',
  'mw-bind-error',
  'bad-response-error',
  'local-access-error',
  'remote-invalid-request-error',
  'remote-access-error',
  'remote-operation-error',
  'retry-exceeded',
  'rnr-retry-exceeded',
  'local-rdd-violation-error',
  'remote-invalid-rd-request',
  'remote-aborted-error',
  'invalid-eecn',
  'invalid-eec-state',
  'fatal-error',
  'response-timeout-error',
  'general-error',
] as const;

/** What comes from a completion channel or the asynchronous event file. */
export interface RdmaEvent {
  /** The user handle that the object was created with; of a channel that of the CQ. */
  readonly element: bigint;
  /** enum ib_event_type; 0 on a channel. */
  readonly type: number;
}
