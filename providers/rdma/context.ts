import type { Mapping } from '../../uapi/mapping.ts';
import type { RdmaKind, RdmaObject } from '../contract-verbs.ts';
import type {
  CompletionQueue,
  Part,
  QpQueues,
  ReceiveQueue,
  SendQueue,
  UserQueue,
} from './driver.ts';

/** The mapped queues of one kind of object. An object that is not in here has its queues elsewhere. */
export class QueueTable<Q extends UserQueue> {
  readonly #open = new Map<number, Q>();
  readonly #of = new WeakMap<RdmaObject, Q>();

  add(object: RdmaObject, queue: Q): void {
    this.#open.set(object.handle, queue);
    this.#of.set(object, queue);
  }

  /** The queue of an object of this context that still exists. */
  get(object: RdmaObject): Q | undefined {
    const queue = this.#of.get(object);
    return queue !== undefined && this.#open.get(object.handle) === queue ? queue : undefined;
  }

  queues(): Iterable<Q> {
    return this.#open.values();
  }

  remove(object: RdmaObject): void {
    const queue = this.get(object);
    if (queue === undefined) return;
    this.#open.delete(object.handle);
    queue.close();
  }

  close(): void {
    for (const queue of this.#open.values()) queue.close();
    this.#open.clear();
  }
}

/** The mapped queues of a QP, and its doorbell. */
export class QpQueue implements UserQueue {
  readonly send: SendQueue | undefined;
  readonly receive: ReceiveQueue | undefined;
  /** The whole command, made once: it is written for every post. */
  readonly doorbell: Buffer;

  constructor(queues: QpQueues, doorbell: Buffer) {
    this.send = queues.send;
    this.receive = queues.receive;
    this.doorbell = doorbell;
  }

  /** After the QP went to RESET. */
  drop(): void {
    this.send?.drop?.();
    this.receive?.drop?.();
  }

  close(): void {
    this.send?.close();
    this.receive?.close();
  }
}

/** One uverbs context: the descriptor and what the process holds for it. */
export class Context {
  readonly fd: number;
  readonly part: Part;
  readonly ibdev: string;
  /**
   * How commands go when a verb is not told. Only the process that opened the file may use write(2).
   * Source: drivers/infiniband/core/uverbs_main.c, ib_uverbs_write(), ib_safe_file_access()
   */
  readonly commandForm: 'write' | 'invoke';
  /** What the driver answered when the context was made; empty where somebody else made it. */
  driverAnswer: Buffer = Buffer.alloc(0);
  readonly cqs = new QueueTable<CompletionQueue>();
  readonly qps = new QueueTable<QpQueue>();
  readonly srqs = new QueueTable<ReceiveQueue>();
  readonly wqs = new QueueTable<ReceiveQueue>();
  /** What ends with an object that has no queue here: handles are one row of numbers for all kinds. */
  readonly kept = new QueueTable<UserQueue>();
  /** Handles of the regions that queues' memory is registered as, and their protection domain. */
  readonly registered = new Map<Mapping, readonly number[]>();
  queuePd: RdmaObject | undefined;

  constructor(fd: number, part: Part, ibdev: string, commandForm: 'write' | 'invoke' = 'write') {
    this.commandForm = commandForm;
    this.fd = fd;
    this.part = part;
    this.ibdev = ibdev;
  }

  /** Unmaps all queues; a mapping would keep the file, and so all its objects, alive. */
  close(): void {
    this.qps.close();
    this.srqs.close();
    this.wqs.close();
    this.cqs.close();
    this.kept.close();
  }
}

export function rdmaObject(
  kind: RdmaKind,
  handle: number,
  fields: RdmaObject['fields'] = {},
): RdmaObject {
  return { kind, handle, fields };
}
