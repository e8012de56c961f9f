import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { E, type Errno } from '../../../uapi/errno.ts';
import { mlx5_ib_create_cq_resp } from '../../../uapi/headers/rdma/mlx5-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { swapped32 } from '../completion-words.ts';
import type { Completion, CompletionQueue, Made, RdmaObject, Resized } from '../driver.ts';
import { ringsAt } from '../ring-memory.ts';
import type { WorkRing } from '../work-ring.ts';
import {
  decodeCompletion,
  type Entry,
  entryOf,
  frameCompletion,
  isError,
  isNew,
  isSend,
} from './cqe.ts';
import { CQE, CQE_BYTES, CQE_KIND, RECORD } from './formats.ts';
import { keyChangeOf } from './send.ts';
import { cqEntries } from './sizes.ts';
import { Register } from './uar.ts';

/** Where receives wait: the ring of a QP, or an SRQ. */
export interface Receives {
  /** The request that a completion names; its slot is free after it. */
  complete(index: number, isError: boolean): bigint;
}

/** What of a QP or of a WQ completes into a CQ. */
export interface Queues {
  /** A WQ has none. */
  readonly send?: WorkRing;
  readonly receives: Receives;
  /** Of a QP of raw packets, or of a WQ: what it goes by. */
  readonly framesOf?: number;
}

/** What completions name the queues of a QP, or a WQ, by. */
export interface Names {
  /** Of the QP, or of each of its queues. */
  readonly numbers: readonly number[];
  /** Of a QP of raw packets, which is two queues of other rows of numbers, and of a WQ, which is one of them. */
  readonly index?: number;
}

/** A completion that was taken out before anybody asked. */
interface Waiting {
  readonly completion: Completion;
  readonly queues: Queues | undefined;
}

/** MLX5_CQ_DB_REQ_NOT_SOL */
const SOLICITED_ONLY = 1 << 24;
const INDEX_MASK = 0xffffff;

const queueOf = new WeakMap<RdmaObject, Mlx5Cq>();

/** The queue of a CQ that was made here. */
export function completionQueue(cq: RdmaObject | undefined): Mlx5Cq | undefined {
  return cq === undefined ? undefined : queueOf.get(cq);
}

/** Takes the ring of a new CQ, and maps the register that arms it. */
export function openCq(made: Made<'cq'>): CallOutcome<CompletionQueue> {
  const { object, want, memory } = made;
  if (memory === undefined) return { ok: false, errno: E.EINVAL, call: 'a CQ without memory' };
  const register = Register.ofCqs(made.fd);
  if (!register.ok) {
    memory.unmap();
    return register;
  }
  const cqn = mlx5_ib_create_cq_resp.get(made.response, 'cqn');
  const place = { cqn, entries: cqEntries(want.entries), channel: want.channel?.handle };
  const queue = new Mlx5Cq(memory, place, register.value);
  queueOf.set(object, queue);
  return { ok: true, value: queue };
}

export class Mlx5Cq implements CompletionQueue {
  readonly #record: Mapping;
  #ring: Mapping;
  #entries: number;
  readonly #cqn: number;
  readonly #channel: number | undefined;
  readonly #register: Register;
  /** Sends name their QP; receives the index or the SRQ, and where that is none the QP. */
  readonly #queuesOf = new Map<number, Queues>();
  /** Both of a QP of raw packets name its index, and so does a WQ. */
  readonly #byIndex = new Map<number, Queues>();
  readonly #receivesOf = new Map<number, Receives>();
  /** What was taken out of the ring and not yet polled. */
  #waiting: Waiting[] = [];
  #consumed = 0;
  #armings = 0;
  #isArmed = false;

  constructor(
    memory: Mapping,
    place: { readonly cqn: number; readonly entries: number; readonly channel: number | undefined },
    register: Register,
  ) {
    this.#record = memory;
    this.#ring = memory;
    this.#entries = place.entries;
    this.#cqn = place.cqn;
    this.#channel = place.channel;
    this.#register = register;
  }

  attach({ numbers, index }: Names, queues: Queues): void {
    for (const number of numbers) this.#queuesOf.set(number, queues);
    if (index !== undefined) this.#byIndex.set(index, queues);
  }

  /** @param name what receive completions name the queue by */
  attachReceives(name: number, receives: Receives): void {
    this.#receivesOf.set(name, receives);
  }

  /** A QP, an SRQ or a WQ goes: its completions stay, and are told apart now, as long as that can be done. */
  detach(names: Names | undefined, name: number | undefined): void {
    this.#takeAll();
    for (const number of names?.numbers ?? []) this.#queuesOf.delete(number);
    if (names?.index !== undefined) this.#byIndex.delete(names.index);
    if (name !== undefined) this.#receivesOf.delete(name);
  }

  /** Drops the completions of a QP or a WQ that was reset, as the driver does for its own: cq.c, mlx5_ib_cq_clean() */
  forget(queues: Queues): void {
    this.#takeAll();
    this.#waiting = this.#waiting.filter((one) => one.queues !== queues);
  }

  poll(max: number): Completion[] {
    const found = this.#waiting.splice(0, max).map(({ completion }) => completion);
    const before = this.#consumed;
    while (found.length < max) {
      const cqe = this.#take();
      if (cqe === undefined) break;
      found.push(this.#complete(cqe).completion);
    }
    if (this.#consumed !== before) this.#tellConsumed();
    return found;
  }

  #takeAll(): void {
    if (!this.#ring.isMapped) return;
    const before = this.#consumed;
    for (let cqe = this.#take(); cqe !== undefined; cqe = this.#take()) {
      if (entryOf(cqe).kind === CQE_KIND.resized) break;
      this.#waiting.push(this.#complete(cqe));
    }
    if (this.#consumed !== before) this.#tellConsumed();
  }

  #take(): Buffer | undefined {
    const at = ringsAt() + (this.#consumed % this.#entries) * CQE_BYTES;
    const round = Math.floor(this.#consumed / this.#entries);
    // The word with the owner is read before the rest, which the device wrote before it.
    if (!isNew(this.#ring.loadAtomic32(at + CQE.index), round)) return undefined;
    this.#consumed++;
    return this.#ring.read(at, CQE_BYTES);
  }

  #complete(cqe: Buffer): Waiting {
    const entry = entryOf(cqe);
    const queues = this.#byIndex.get(entry.queue) ?? this.#queuesOf.get(entry.qpn);
    const completion = isSend(entry)
      ? this.#sent(cqe, entry, queues?.send)
      : decodeCompletion(cqe, this.#received(entry, queues), '');
    if (queues?.framesOf === undefined) return { completion, queues };
    return { completion: frameCompletion(completion, queues.framesOf), queues };
  }

  #sent(cqe: Buffer, { index }: Entry, ring: WorkRing | undefined): Completion {
    const mark = ring?.markOf(index) ?? 0;
    return decodeCompletion(cqe, ring?.complete(index) ?? 0n, keyChangeOf(mark));
  }

  #received(entry: Entry, queues: Queues | undefined): bigint {
    const receives = this.#receivesOf.get(entry.queue) ?? queues?.receives;
    return receives?.complete(entry.index, isError(entry)) ?? 0n;
  }

  /** Source: include/linux/mlx5/cq.h, mlx5_cq_set_ci() */
  #tellConsumed(): void {
    this.#record.storeAtomic32(RECORD.consumed, swapped32(this.#consumed & INDEX_MASK));
  }

  /** Source: include/linux/mlx5/cq.h, mlx5_cq_arm() */
  arm(solicitedOnly: boolean): Errno {
    const command = solicitedOnly ? SOLICITED_ONLY : 0;
    const word = ((this.#armings & 3) << 28) | command | (this.#consumed & INDEX_MASK);
    this.#record.storeAtomic32(RECORD.armed, swapped32(word));
    const doorbell = Buffer.alloc(8);
    doorbell.writeUInt32BE(word >>> 0, 0);
    doorbell.writeUInt32BE(this.#cqn, 4);
    this.#register.ring(doorbell.readBigUInt64LE(0));
    this.#isArmed = true;
    return 0;
  }

  /** An event ends an arming, and the next has another number. Source: mlx5/core/eq.c, mlx5_eq_comp_int() */
  eventRead(channel: RdmaObject): void {
    if (!this.#isArmed || channel.handle !== this.#channel) return;
    this.#isArmed = false;
    this.#armings++;
  }

  /**
   * After a resize: the device has ended the old ring with an entry of its own, which counts, and goes on
   * in the new one with the next index.
   * Source: cq.c, mlx5_ib_resize_cq(), copy_resize_cqes()
   */
  remap(_response: Buffer, { entries, memory }: Resized): CallOutcome<undefined> {
    if (memory === undefined) return { ok: true, value: undefined };
    // The driver has left all as it was.
    if (entries + 1 === this.#entries) memory.unmap();
    else this.#goOnIn(memory, entries + 1);
    return { ok: true, value: undefined };
  }

  #goOnIn(memory: Mapping, entries: number): void {
    this.#takeAll();
    // The record stays in the first memory: the driver is told of a ring alone.
    if (this.#ring !== this.#record) this.#ring.unmap();
    this.#ring = memory;
    this.#entries = entries;
  }

  close(): void {
    this.#ring.unmap();
    this.#record.unmap();
    this.#register.close();
  }
}
