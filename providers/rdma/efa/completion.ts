import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { E } from '../../../uapi/errno.ts';
import {
  EFA_CREATE_CQ_RESP_DB_OFF,
  efa_ibv_create_cq_resp,
} from '../../../uapi/headers/rdma/efa-abi.ts';
import type { Completion, CompletionQueue, Made, RdmaObject } from '../driver.ts';
import { mapKey } from '../map-key.ts';
import { decodeCompletion, isNew, queueOf } from './cdesc.ts';
import { type Doorbell, openRungRing } from './device-page.ts';
import { openGivenRing, type Ring } from './given-ring.ts';
import type { RequestIds } from './request-ids.ts';
import { CQ_ENTRY_BYTES, ringsPerCq } from './sizes.ts';

/** The requests of a QP that completes into a CQ. */
export interface Requests {
  readonly send: RequestIds;
  readonly receive: RequestIds;
}

/** Which QPs complete into a CQ: its entries name a QP and a request of it. */
const queuesOf = new WeakMap<RdmaObject, Map<number, Requests>>();

/** From now on; completions of a QP that is gone may still wait, so nothing takes it away but a new one. */
export function attachQp(
  cqs: readonly (RdmaObject | undefined)[],
  qpn: number,
  of: Requests,
): void {
  for (const cq of cqs) if (cq !== undefined) queuesOf.get(cq)?.set(qpn, of);
}

/** The register: the consumer's index, a number that tells armings apart, and whether to arm. */
const SEQUENCE_SHIFT = 29;
const ARM = 0x8000_0000;

/**
 * Maps the ring of a new CQ, and its doorbell where it has a channel. In memory that was given the ring is
 * there already, and its doorbell cannot be mapped: efa_verbs.c, efa_create_user_cq(), which calls
 * cq_mmap_entries_setup() for memory of its own alone.
 */
export function openCq(of: Made<'cq'>): CallOutcome<CompletionQueue> {
  const { fd, object, response, want } = of;
  const made = efa_ibv_create_cq_resp.decode(response);
  const place = {
    what: 'a completion queue',
    key: made.q_mmap_key,
    length: Number(made.q_mmap_size),
    doorbellKey: made.db_mmap_key,
    doorbellOffset: made.db_off,
  };
  const queues = new Map<number, Requests>();
  queuesOf.set(object, queues);
  const shape = { entries: Number(object.fields['entries']), rings: ringsPerCq(of.contextAnswer) };
  if (want.memory !== undefined) {
    const ring = openGivenRing(want.memory);
    return ring.ok ? { ok: true, value: new EfaCq(ring.value, shape, queues) } : ring;
  }
  if ((made.comp_mask & EFA_CREATE_CQ_RESP_DB_OFF) === 0) {
    const ring = mapKey(fd, place.key, place.length, place.what);
    return ring.ok ? { ok: true, value: new EfaCq(ring.value, shape, queues) } : ring;
  }
  const opened = openRungRing(fd, place);
  if (!opened.ok) return opened;
  const { ring, doorbell } = opened.value;
  return { ok: true, value: new ArmedEfaCq(ring, shape, queues, doorbell) };
}

interface CqShape {
  /** Of each ring. */
  readonly entries: number;
  readonly rings: number;
}

/** Rings, one behind the other, whose entries turn their phase each time round. */
class EfaCq implements CompletionQueue {
  readonly #memory: Ring;
  readonly #entries: number;
  readonly #queues: ReadonlyMap<number, Requests>;
  /** Of each ring. */
  readonly #consumed: number[];

  constructor(memory: Ring, { entries, rings }: CqShape, queues: ReadonlyMap<number, Requests>) {
    this.#memory = memory;
    this.#entries = entries;
    this.#queues = queues;
    this.#consumed = new Array<number>(rings).fill(0);
  }

  get consumed(): number {
    return this.#consumed.reduce((sum, count) => sum + count, 0);
  }

  poll(max: number): readonly Completion[] {
    const found: Completion[] = [];
    for (const ring of this.#consumed.keys()) this.#pollRing(ring, max, found);
    return found;
  }

  #pollRing(ring: number, max: number, found: Completion[]): void {
    while (found.length < max) {
      const consumed = this.#consumed[ring] ?? 0;
      const phase = Math.floor(consumed / this.#entries) % 2 === 0 ? 1 : 0;
      const at = (ring * this.#entries + (consumed % this.#entries)) * CQ_ENTRY_BYTES;
      // The word with the phase is read before the rest, which the device wrote before it.
      if (!isNew(this.#memory.loadAtomic32(at), phase)) return;
      const entry = this.#memory.read(at, CQ_ENTRY_BYTES);
      this.#consumed[ring] = consumed + 1;
      found.push(decodeCompletion(entry, this.#requestOf(entry)));
    }
  }

  #requestOf(entry: Buffer): bigint {
    const { qpn, isSend, request, isUnsolicited } = queueOf(entry);
    // A write that nobody has posted a receive for is of no request.
    if (isUnsolicited) return 0n;
    const queue = this.#queues.get(qpn);
    return (isSend ? queue?.send : queue?.receive)?.give(request) ?? 0n;
  }

  close(): void {
    this.#memory.unmap();
  }
}

class ArmedEfaCq extends EfaCq {
  readonly #doorbell: Doorbell;
  #sequence = 0;

  constructor(
    memory: Ring,
    shape: CqShape,
    queues: ReadonlyMap<number, Requests>,
    doorbell: Doorbell,
  ) {
    super(memory, shape, queues);
    this.#doorbell = doorbell;
  }

  /** Each arming has a number of its own; there is none for solicited events alone. */
  arm(solicitedOnly: boolean): number {
    if (solicitedOnly) return E.EOPNOTSUPP;
    const sequence = this.#sequence++ & 3;
    this.#doorbell.ring((this.consumed & 0xffff) | (sequence << SEQUENCE_SHIFT) | ARM);
    return 0;
  }

  override close(): void {
    super.close();
    this.#doorbell.close();
  }
}
