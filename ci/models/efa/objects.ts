import type { PageList } from '../page-list.ts';
import { Pool } from '../pool.ts';
import { LIMITS } from './limits.ts';

/** How many objects need another one, which is busy for so long. */
export interface Parent {
  users: number;
}

export type ProtectionDomain = Parent & { readonly id: number };

/** A page of doorbells that belongs to one process. */
export type Uar = Parent & { readonly id: number };

export interface EventQueue extends Parent {
  readonly id: number;
  readonly base: number;
  readonly depth: number;
  readonly vector: number;
  /** Entries written since it was made. */
  produced: number;
  /** The driver wants an interrupt for the next entry. */
  isArmed: boolean;
  /** Entries were written that no interrupt was raised for. */
  isPending: boolean;
}

export interface CompletionQueue extends Parent {
  readonly id: number;
  readonly uar: Uar;
  readonly base: number;
  readonly entryBytes: number;
  readonly depth: number;
  readonly hasSourceAddress: boolean;
  /** Where its completion events go; undefined for one that is only polled. */
  readonly eventQueue: EventQueue | undefined;
  readonly doorbell: number;
  /** Entries written since it was made. */
  produced: number;
  /** Asked for an event: of any completion, or of none. */
  isArmed: boolean;
}

/** Rings of a queue pair; indexes count from the last reset and are taken modulo 2 ** 16. */
export interface Ring {
  /** A DMA address, or an offset in the BAR of the send queues. */
  readonly base: number;
  readonly entries: number;
  /** As the last doorbell said. */
  producer: number;
  consumer: number;
  readonly doorbell: number;
}

export interface QueuePair {
  readonly id: number;
  readonly handle: number;
  readonly number: number;
  readonly isSrd: boolean;
  readonly pd: ProtectionDomain;
  readonly uar: Uar;
  readonly sendCq: CompletionQueue;
  readonly recvCq: CompletionQueue;
  readonly sendRing: Ring;
  readonly recvRing: Ring;
  readonly hasUnsolicitedWrites: boolean;
  /** What counts its events; no event has two. */
  readonly attached: { readonly counter: EventCounter; readonly events: number }[];
  state: number;
  qkey: number;
  sqPsn: number;
  rnrRetry: number;
}

/** Counts events of the queue pairs that it is attached to, which are its users. */
export interface EventCounter extends Parent {
  readonly id: number;
  readonly uar: Uar;
  /** Where each change of the count is written. */
  readonly address: number;
  count: bigint;
}

export interface MemoryRegion {
  readonly key: number;
  readonly pd: ProtectionDomain;
  readonly iova: bigint;
  readonly length: number;
  readonly permissions: number;
  readonly pages: PageList;
}

export interface AddressHandle {
  readonly id: number;
  readonly pd: ProtectionDomain;
  readonly gid: Buffer;
  /** The same destination asked for again is the same handle. */
  references: number;
}

/** Everything that admin commands have made. */
export class Objects {
  readonly pds = new Pool<ProtectionDomain>(LIMITS.maxPd);
  readonly uars = new Pool<Uar>(LIMITS.maxUar);
  readonly eqs = new Pool<EventQueue>(LIMITS.maxEq);
  readonly cqs = new Pool<CompletionQueue>(LIMITS.maxCq);
  readonly qps = new Pool<QueuePair>(LIMITS.maxQp);
  readonly eventCounters = new Pool<EventCounter>(LIMITS.maxEventCounters);
  readonly mrs = new Pool<MemoryRegion>(LIMITS.maxMr);
  readonly ahs = new Pool<AddressHandle>(LIMITS.maxAh);
  /** Queue pairs made so far, by which numbers differ from those of their predecessors. */
  qpGenerations = 0;
  keyGenerations = 0;
}
