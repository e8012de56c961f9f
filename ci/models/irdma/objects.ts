import type { PageList } from '../page-list.ts';
import type { GuestMemory } from '../vfio-user/guest-memory.ts';
import { BackingMemory } from './backing-memory.ts';
import type { CompletionQueue } from './completion-queue.ts';
import type { EventQueue } from './event-queues.ts';

/** An MR, or a window: what a steering tag (STag) names, without its low 8 bits. */
export interface MemoryKey {
  readonly index: number;
  readonly pd: number;
  readonly isWindow: boolean;
  readonly rights: number;
  readonly start: bigint;
  readonly length: number;
  /** Undefined where no memory is behind it yet. */
  readonly pages: PageList | undefined;
  readonly key: number;
}

export interface SharedReceiveQueue {
  readonly number: number;
  readonly pd: number;
  readonly pages: PageList;
  readonly shadow: number;
  limit: number;
  users: number;
}

export interface QueuePair {
  readonly number: number;
  readonly type: number;
  readonly sendCq: CompletionQueue;
  readonly recvCq: CompletionQueue;
  readonly srq: SharedReceiveQueue | undefined;
  readonly pd: number;
  state: number;
}

export interface AddressHandle {
  readonly index: number;
  readonly pd: number;
}

/** Everything that commands have made. The driver numbers its objects itself. */
export class Objects {
  readonly backing: BackingMemory;
  readonly cqs = new Map<number, CompletionQueue>();
  readonly eventQueues = new Map<number, EventQueue>();
  readonly keys = new Map<number, MemoryKey>();
  readonly qps = new Map<number, QueuePair>();
  readonly srqs = new Map<number, SharedReceiveQueue>();
  readonly addressHandles = new Map<number, AddressHandle>();
  /** Hardware addresses by their index. */
  readonly arpEntries = new Map<number, bigint>();
  asyncEvents: EventQueue | undefined;

  constructor(memory: GuestMemory) {
    this.backing = new BackingMemory(memory);
  }
}
