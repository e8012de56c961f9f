import type { CompletionQueue } from './completion-queues.ts';
import { DeviceMemory } from './device-memory.ts';
import type { EventQueue } from './event-queue.ts';
import type { FlowCounter } from './flow-counters.ts';
import type { FlowTable } from './flow-tables.ts';
import {
  END_OF_QPNS,
  FIRST_MKEY,
  FIRST_QPN,
  FIRST_RQN,
  FIRST_SQN,
  LOG_USER_MEMORY,
  LOG_USERS,
  RQS,
  SQS,
} from './limits.ts';
import type { MemoryKey } from './memory-keys.ts';
import type { ReceiveQueue, SendQueue } from './packet-queues.ts';
import type { QueuePair } from './queue-pairs.ts';
import type { SharedReceives } from './shared-receives.ts';
import { Table } from './table.ts';
import type { User, UserMemory } from './users.ts';

/** What commands have made, and what takes part in traffic. */
export class Objects {
  readonly eqs = new Table<EventQueue>('event queue', 1, 64);
  readonly cqs = new Table<CompletionQueue>('CQ', 1, 2 ** 16);
  readonly qps = new Table<QueuePair>('QP', FIRST_QPN, END_OF_QPNS - FIRST_QPN);
  readonly sqs = new Table<SendQueue>('SQ', FIRST_SQN, SQS);
  readonly rqs = new Table<ReceiveQueue>('RQ', FIRST_RQN, RQS);
  readonly domains = new Table<{ users: number }>('transport domain', 1, 2 ** 16);
  /** Contexts: tables of RQs, ways to them, and ways from SQs. */
  readonly rqts = new Table<Buffer>('table of RQs', 1, 2 ** 12);
  readonly tirs = new Table<Buffer>('TIR', 1, 2 ** 12);
  readonly tiss = new Table<Buffer>('TIS', 1, 2 ** 12);
  readonly tables = new Table<FlowTable>('flow table', 1, 2 ** 14);
  /** Where frames meet their first flow table: its number, by the type (FS_FT_…). */
  readonly roots = new Map<number, number>();
  readonly counters = new Table<FlowCounter>('flow counter', 1, 2 ** 15);
  /** All kinds: the driver finds them by one number. Source: srq_cmd.c, mlx5_cmd_create_srq() */
  readonly srqs = new Table<SharedReceives>('SRQ', 1, 2 ** 14);
  readonly keys = new Table<MemoryKey>('memory key', FIRST_MKEY, 2 ** 20 - FIRST_MKEY);
  readonly users = new Table<User>('user context', 1, 2 ** LOG_USERS);
  readonly userMemory = new Table<UserMemory>('memory of a user', 1, 2 ** LOG_USER_MEMORY);
  readonly deviceMemory = new DeviceMemory();
  /** Multicast groups: numbers of QPs, by the GID in hexadecimal. */
  readonly groups = new Map<string, Set<number>>();

  /** Tells the driver of something, where it has asked to be told. */
  sayEvent(type: number, data: Buffer, subtype = 0): void {
    for (const eq of this.eqs.values()) if (eq.wants(type)) eq.post(type, data, subtype);
  }
}
