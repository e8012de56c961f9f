import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { E, type Errno } from '../../../uapi/errno.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { swapped32 } from '../completion-words.ts';
import {
  type Made,
  type Posted,
  postEach,
  type RdmaObject,
  type ReceiveQueue,
  type ReceiveRequest,
} from '../driver.ts';
import { ringsAt } from '../ring-memory.ts';
import { completionQueue, type Receives } from './completion.ts';
import { cqeVersion } from './driver-data.ts';
import { NEXT_INDEX, RECORD, SEGMENT } from './formats.ts';
import { indexOf } from './memory.ts';
import { isEncodable, receiveOf } from './pieces.ts';
import { ringBytes, type Slots, SRQ_NOTE_BYTES, srqSlots } from './sizes.ts';

const queueOf = new WeakMap<RdmaObject, SharedReceives>();

/** The queue of an SRQ that was made here. */
export function sharedReceives(srq: RdmaObject | undefined): SharedReceives | undefined {
  return srq === undefined ? undefined : queueOf.get(srq);
}

/** Completions of an SRQ for XRC name it themselves; those of another are named by their QP. */
export function openSrq(made: Made<'srq'>): CallOutcome<ReceiveQueue> {
  const { object, want, memory, contextAnswer } = made;
  if (memory === undefined) return { ok: false, errno: E.EINVAL, call: 'an SRQ without memory' };
  const queue = new SharedReceives(memory, srqSlots(want, contextAnswer), want.maxSge);
  queueOf.set(object, queue);
  const name = srqName(object, memory, contextAnswer);
  const cq = completionQueue(want.cq);
  cq?.attachReceives(name, queue);
  const close = () => {
    cq?.detach(undefined, name);
    memory.unmap();
  };
  return { ok: true, value: { post: (requests) => queue.post(requests), close } };
}

/** What completions of the first version name an SRQ by is its number. */
function srqName(srq: RdmaObject, memory: Mapping, contextAnswer: Buffer): number {
  const version = cqeVersion(contextAnswer);
  return version === 0 ? Number(srq.fields['number']) : indexOf(memory, version);
}

/**
 * Slots in a list: each names the next, and the device takes them in this order. One slot is never used,
 * so that the list has an end to hang free slots on.
 * Source: srq.c, create_srq_kernel(), mlx5_ib_post_srq_recv(), mlx5_ib_free_srq_wqe()
 */
export class SharedReceives implements Receives {
  readonly #memory: Mapping;
  readonly #slots: Slots;
  readonly #maxSge: number;
  #head = 0;
  #tail: number;
  #posted = 0;

  constructor(memory: Mapping, slots: Slots, maxSge: number) {
    this.#memory = memory;
    this.#slots = slots;
    this.#maxSge = maxSge;
    this.#tail = slots.count - 1;
    for (let i = 0; i < slots.count; i++) this.#link(i, (i + 1) % slots.count);
  }

  post(requests: readonly ReceiveRequest[]): Posted {
    const posted = postEach(requests, (request) => this.#postOne(request));
    this.#posted = (this.#posted + posted.count) & 0xffff;
    this.#memory.storeAtomic32(RECORD.receives, swapped32(this.#posted));
    return posted;
  }

  #postOne({ id, sges }: ReceiveRequest): Errno {
    if (!isEncodable(sges, this.#maxSge)) return E.EINVAL;
    if (this.#head === this.#tail) return E.ENOMEM;
    const slot = this.#head;
    this.#head = this.#nextOf(slot);
    const wqe = receiveOf(sges, 2 ** this.#slots.shift, SEGMENT.next);
    this.#memory.write(this.#at(slot) + SEGMENT.next, wqe.subarray(SEGMENT.next));
    this.#memory.writeU64(this.#noteOf(slot), BigInt.asUintN(64, id));
    return 0;
  }

  complete(index: number): bigint {
    const slot = index % this.#slots.count;
    this.#link(this.#tail, slot);
    this.#tail = slot;
    return this.#memory.readU64(this.#noteOf(slot));
  }

  #at(slot: number): number {
    return ringsAt() + slot * 2 ** this.#slots.shift;
  }

  #noteOf(slot: number): number {
    return ringsAt() + ringBytes(this.#slots) + slot * SRQ_NOTE_BYTES;
  }

  #nextOf(slot: number): number {
    return this.#memory.read(this.#at(slot) + NEXT_INDEX, 2).readUInt16BE(0);
  }

  #link(slot: number, next: number): void {
    const word = Buffer.alloc(2);
    word.writeUInt16BE(next);
    this.#memory.write(this.#at(slot) + NEXT_INDEX, word);
  }
}
