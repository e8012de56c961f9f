import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { E, type Errno } from '../../../uapi/errno.ts';
import { erdma_uresp_create_cq } from '../../../uapi/headers/rdma/erdma-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import type { Completion, CompletionQueue, Made, RdmaObject } from '../driver.ts';
import { ringsAt } from '../ring-memory.ts';
import type { WorkRing } from '../work-ring.ts';
import { packed } from './bits.ts';
import { decodeCompletion, isNew, requestOf } from './cqe.ts';
import { Doorbell, hasDoorbells } from './doorbell.ts';
import { CQ_DOORBELL, CQE_BYTES } from './formats.ts';

/** The rings of a QP that completes into a CQ. */
export interface Rings {
  readonly send: WorkRing;
  readonly receive: WorkRing;
}

const queueOf = new WeakMap<RdmaObject, ErdmaCq>();

/** The queue of a CQ that was made here. */
export function completionQueue(cq: RdmaObject | undefined): ErdmaCq | undefined {
  return cq === undefined ? undefined : queueOf.get(cq);
}

/** Takes the ring of a new CQ, and maps its doorbell. */
export function openCq(made: Made<'cq'>): CallOutcome<CompletionQueue> {
  const { object, want, response, memory } = made;
  if (memory === undefined) return { ok: false, errno: E.EINVAL, call: 'a CQ without memory' };
  const { cq_id: cqn, num_cqe: entries } = erdma_uresp_create_cq.decode(response);
  const doorbell = hasDoorbells(made.contextAnswer)
    ? Doorbell.open(made, 'cdb', cqn, memory, 0)
    : undefined;
  if (doorbell?.ok === false) {
    memory.unmap();
    return doorbell;
  }
  const place = { cqn, entries, channel: want.channel?.handle };
  const queue = new ErdmaCq(memory, place, doorbell?.value);
  queueOf.set(object, queue);
  return { ok: true, value: queue };
}

export class ErdmaCq implements CompletionQueue {
  readonly #memory: Mapping;
  readonly #entries: number;
  readonly #cqn: number;
  readonly #channel: number | undefined;
  readonly #doorbell: Doorbell | undefined;
  /** Entries name a QP by its number. */
  readonly #ringsOf = new Map<number, Rings>();
  /** What was taken out of the ring and not yet polled. */
  #waiting: Completion[] = [];
  #consumed = 0;
  #armings = 0;
  #events = 0;
  #isArmed = false;

  constructor(
    memory: Mapping,
    place: { readonly cqn: number; readonly entries: number; readonly channel: number | undefined },
    doorbell: Doorbell | undefined,
  ) {
    this.#memory = memory;
    this.#entries = place.entries;
    this.#cqn = place.cqn;
    this.#channel = place.channel;
    this.#doorbell = doorbell;
  }

  /** From now on; completions of a QP that is gone may still wait, so only a new one takes its place. */
  attach(qpn: number, rings: Rings): void {
    this.#ringsOf.set(qpn, rings);
  }

  /** Drops the completions of a QP that was reset, as the driver does for its own: erdma_qp.c, erdma_reset_qp() */
  forget(qpn: number): void {
    const rest = this.poll(Number.POSITIVE_INFINITY);
    this.#waiting = rest.filter((completion) => completion.qpn !== qpn);
  }

  poll(max: number): Completion[] {
    const found = this.#waiting.splice(0, max);
    while (found.length < max) {
      const at = ringsAt() + (this.#consumed % this.#entries) * CQE_BYTES;
      const round = Math.floor(this.#consumed / this.#entries);
      // The word with the owner is read before the rest, which the device wrote before it.
      if (!isNew(this.#memory.loadAtomic32(at), round)) break;
      const cqe = this.#memory.read(at, CQE_BYTES);
      this.#consumed++;
      found.push(decodeCompletion(cqe, this.#complete(cqe)));
    }
    return found;
  }

  #complete(cqe: Buffer): bigint {
    const { qpn, isSend, index } = requestOf(cqe);
    const rings = this.#ringsOf.get(qpn);
    return (isSend ? rings?.send : rings?.receive)?.complete(index) ?? 0n;
  }

  /** Source: erdma_cq.c, notify_cq() */
  arm(solicitedOnly: boolean): Errno {
    if (this.#doorbell === undefined) return E.EOPNOTSUPP;
    this.#doorbell.ring(
      packed(CQ_DOORBELL, {
        consumed: this.#consumed,
        events: this.#events,
        solicitedOnly,
        arm: true,
        cqn: this.#cqn,
        armings: this.#armings++,
      }),
    );
    this.#isArmed = true;
    return 0;
  }

  /** An event ends an arming. For its own CQs the driver counts them: erdma_eq.c, erdma_ceq_completion_handler() */
  eventRead(channel: RdmaObject): void {
    if (!this.#isArmed || channel.handle !== this.#channel) return;
    this.#isArmed = false;
    this.#events++;
  }

  close(): void {
    this.#memory.unmap();
    this.#doorbell?.close();
  }
}
