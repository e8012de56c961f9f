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
import { CQ_ENTRY_BYTES } from './sizes.ts';

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
export function openCq({ fd, object, response, want }: Made<'cq'>): CallOutcome<CompletionQueue> {
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
  const entries = Number(object.fields['entries']);
  if (want.memory !== undefined) {
    const ring = openGivenRing(want.memory);
    return ring.ok ? { ok: true, value: new EfaCq(ring.value, entries, queues) } : ring;
  }
  if ((made.comp_mask & EFA_CREATE_CQ_RESP_DB_OFF) === 0) {
    const ring = mapKey(fd, place.key, place.length, place.what);
    return ring.ok ? { ok: true, value: new EfaCq(ring.value, entries, queues) } : ring;
  }
  const opened = openRungRing(fd, place);
  if (!opened.ok) return opened;
  const { ring, doorbell } = opened.value;
  return { ok: true, value: new ArmedEfaCq(ring, entries, queues, doorbell) };
}

/** A ring whose entries turn their phase each time round. */
class EfaCq implements CompletionQueue {
  readonly #ring: Ring;
  readonly #entries: number;
  readonly #queues: ReadonlyMap<number, Requests>;
  #consumed = 0;

  constructor(ring: Ring, entries: number, queues: ReadonlyMap<number, Requests>) {
    this.#ring = ring;
    this.#entries = entries;
    this.#queues = queues;
  }

  get consumed(): number {
    return this.#consumed;
  }

  poll(max: number): readonly Completion[] {
    const found: Completion[] = [];
    while (found.length < max) {
      const phase = Math.floor(this.#consumed / this.#entries) % 2 === 0 ? 1 : 0;
      const at = (this.#consumed % this.#entries) * CQ_ENTRY_BYTES;
      // The word with the phase is read before the rest, which the device wrote before it.
      if (!isNew(this.#ring.loadAtomic32(at), phase)) break;
      const entry = this.#ring.read(at, CQ_ENTRY_BYTES);
      this.#consumed++;
      found.push(decodeCompletion(entry, this.#requestOf(entry)));
    }
    return found;
  }

  #requestOf(entry: Buffer): bigint {
    const { qpn, isSend, request, isUnsolicited } = queueOf(entry);
    // A write that nobody has posted a receive for is of no request.
    if (isUnsolicited) return 0n;
    const queue = this.#queues.get(qpn);
    return (isSend ? queue?.send : queue?.receive)?.give(request) ?? 0n;
  }

  close(): void {
    this.#ring.unmap();
  }
}

class ArmedEfaCq extends EfaCq {
  readonly #doorbell: Doorbell;
  #sequence = 0;

  constructor(
    ring: Ring,
    entries: number,
    queues: ReadonlyMap<number, Requests>,
    doorbell: Doorbell,
  ) {
    super(ring, entries, queues);
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
