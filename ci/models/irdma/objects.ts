import type { GuestMemory } from '../vfio-user/guest-memory.ts';
import { BackingMemory } from './backing-memory.ts';
import type { CompletionQueue } from './completion-queue.ts';
import type { EventQueue } from './event-queues.ts';

/** What a steering tag (STag) names without its low 8 bits. No data path asks for more than the kind. */
export interface MemoryKey {
  readonly isWindow: boolean;
}

export interface SharedReceiveQueue {
  users: number;
}

export interface QueuePair {
  readonly number: number;
  readonly sendCq: CompletionQueue;
  readonly recvCq: CompletionQueue;
  readonly srq: SharedReceiveQueue | undefined;
  state: number;
}

/** Everything that commands have made. The driver numbers its objects itself. */
export class Objects {
  readonly backing: BackingMemory;
  readonly cqs = new Map<number, CompletionQueue>();
  readonly eventQueues = new Map<number, EventQueue>();
  readonly keys = new Map<number, MemoryKey>();
  readonly qps = new Map<number, QueuePair>();
  readonly srqs = new Map<number, SharedReceiveQueue>();
  readonly addressHandles = new Set<number>();
  asyncEvents: EventQueue | undefined;

  constructor(memory: GuestMemory) {
    this.backing = new BackingMemory(memory);
  }
}
