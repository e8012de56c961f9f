import type { CompletionQueue } from './completion-queues.ts';
import type { EventQueue } from './event-queue.ts';
import { FIRST_MKEY, FIRST_QPN } from './limits.ts';
import type { MemoryKey } from './memory-keys.ts';
import type { QueuePair } from './queue-pairs.ts';
import type { SharedReceives } from './shared-receives.ts';
import { Table } from './table.ts';

/** What commands have made, and what takes part in traffic. */
export class Objects {
  readonly eqs = new Table<EventQueue>('event queue', 1, 64);
  readonly cqs = new Table<CompletionQueue>('CQ', 1, 2 ** 16);
  readonly qps = new Table<QueuePair>('QP', FIRST_QPN, 2 ** 17 - FIRST_QPN);
  /** All kinds: the driver finds them by one number. Source: srq_cmd.c, mlx5_cmd_create_srq() */
  readonly srqs = new Table<SharedReceives>('SRQ', 1, 2 ** 14);
  readonly keys = new Table<MemoryKey>('memory key', FIRST_MKEY, 2 ** 20 - FIRST_MKEY);
  /** Multicast groups: numbers of QPs, by the GID in hexadecimal. */
  readonly groups = new Map<string, Set<number>>();

  /** Tells the driver of something, where it has asked to be told. */
  sayEvent(type: number, data: Buffer): void {
    for (const eq of this.eqs.values()) if (eq.wants(type)) eq.post(type, data);
  }
}
