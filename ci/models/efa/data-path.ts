import {
  EFA_IO_COMP_STATUS_FLUSHED,
  EFA_IO_COMP_STATUS_LOCAL_ERROR_BAD_LENGTH,
  EFA_IO_COMP_STATUS_LOCAL_ERROR_QP_INTERNAL_ERROR,
  EFA_IO_COMP_STATUS_LOCAL_ERROR_UNSUPPORTED_OP,
  EFA_IO_COMP_STATUS_OK,
  EFA_IO_COMP_STATUS_REMOTE_ERROR_RNR,
  EFA_IO_RDMA_READ,
  EFA_IO_RDMA_WRITE,
  EFA_IO_SEND,
  efa_io_tx_wqe,
} from '../../../providers/rdma/efa/io-defs.ts';
import type { Host } from '../vfio-user/device.ts';
import { Completions } from './completions.ts';
import { Delivery, type Verdict } from './delivery.ts';
import { countEvent } from './event-counters.ts';
import {
  EFA_ADMIN_QP_STATE_ERR,
  EFA_ADMIN_QP_STATE_RESET,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_READ_COMP_ERR_MASK as READ_ENDS_BADLY,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_READ_COMP_MASK as READ_ENDS_WELL,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_SEND_COMP_ERR_MASK as SEND_ENDS_BADLY,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_SEND_COMP_MASK as SEND_ENDS_WELL,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_WRITE_COMP_ERR_MASK as WRITE_ENDS_BADLY,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_WRITE_COMP_MASK as WRITE_ENDS_WELL,
} from './headers/efa-admin-cmds-defs.ts';
import { GID, LIMITS } from './limits.ts';
import type { CompletionQueue, Objects, QueuePair } from './objects.ts';
import { canSend } from './queue-pair-states.ts';
import type { QueuePairActions } from './queue-pairs.ts';
import { advance, takeReceive, waitingIn } from './receive-queue.ts';
import type { Statistics } from './statistics.ts';
import { parseSend, type SendFault, type SendRequest } from './work-requests.ts';

/** Reads the send queues, which are in a BAR. */
export type ReadLlq = (offset: number, length: number) => Buffer;

const FAULT_STATUS: Readonly<Record<SendFault, number>> = {
  malformed: EFA_IO_COMP_STATUS_LOCAL_ERROR_QP_INTERNAL_ERROR,
  unsupported: EFA_IO_COMP_STATUS_LOCAL_ERROR_UNSUPPORTED_OP,
  'too-long': EFA_IO_COMP_STATUS_LOCAL_ERROR_BAD_LENGTH,
};

interface EndEvents {
  readonly well: number;
  readonly badly: number;
}

/** What is counted when a request ends, by its operation. */
const END_EVENTS: ReadonlyMap<number, EndEvents> = new Map([
  [EFA_IO_SEND, { well: SEND_ENDS_WELL, badly: SEND_ENDS_BADLY }],
  [EFA_IO_RDMA_READ, { well: READ_ENDS_WELL, badly: READ_ENDS_BADLY }],
  [EFA_IO_RDMA_WRITE, { well: WRITE_ENDS_WELL, badly: WRITE_ENDS_BADLY }],
]);

/** A message whose receiver is not ready. */
interface Waiting {
  readonly qp: QueuePair;
  readonly request: SendRequest;
  /** By performance.now(); infinite for a sender that never gives up. */
  readonly untilMs: number;
}

/** Between two attempts; how long hardware waits is not known. */
const RNR_DELAY_MS = 10;
/** As in IB: retry for ever. */
const RNR_FOR_EVER = 7;

/** What happens when user space rings: work requests are carried out between queue pairs of this device. */
export class DataPath implements QueuePairActions {
  readonly #host: Host;
  readonly #readLlq: ReadLlq;
  readonly #completions: Completions;
  readonly #delivery: Delivery;
  #waiting: Waiting[] = [];

  constructor(host: Host, objects: () => Objects, statistics: Statistics, readLlq: ReadLlq) {
    this.#host = host;
    this.#readLlq = readLlq;
    this.#completions = new Completions(host);
    this.#delivery = new Delivery(host, objects, statistics, this.#completions);
  }

  reset(): void {
    this.#waiting = [];
  }

  ringSend(qp: QueuePair, value: number): void {
    if (qp.state === EFA_ADMIN_QP_STATE_RESET) return;
    const before = qp.sendRing.producer;
    const isFitting = advance(qp.sendRing, value & 0xffff);
    const batch = (qp.sendRing.producer - before) & 0xffff;
    // The header says what a driver must not do; what hardware does to one that does it is a guess.
    const isTooMuch = LIMITS.maxTxBatch > 0 && batch > LIMITS.maxTxBatch;
    if (!isFitting || isTooMuch) this.#fail(qp);
    else if (qp.state === EFA_ADMIN_QP_STATE_ERR) this.flush(qp);
    else this.run(qp);
  }

  ringReceive(qp: QueuePair, value: number): void {
    if (qp.state === EFA_ADMIN_QP_STATE_RESET) return;
    if (!advance(qp.recvRing, value & 0xffff)) this.#fail(qp);
    else if (qp.state === EFA_ADMIN_QP_STATE_ERR) this.flush(qp);
    else this.#retry(({ request }) => request.destination.qpn === qp.number);
  }

  ringCq(cq: CompletionQueue, value: number): void {
    this.#completions.ring(cq, value);
  }

  /** Carries out what waits in the send queue. */
  run(qp: QueuePair): void {
    while (canSend(qp.state) && waitingIn(qp.sendRing) > 0) this.#carryOut(qp, this.#takeSend(qp));
  }

  /** Everything that waits ends with a completion that says so. */
  flush(qp: QueuePair): void {
    const { memory } = this.#host;
    for (const { request } of this.#takeWaiting((item) => item.qp === qp)) {
      this.#finish(qp, request, EFA_IO_COMP_STATUS_FLUSHED);
    }
    while (waitingIn(qp.sendRing) > 0) {
      this.#finish(qp, parseSend(this.#takeSend(qp)).request, EFA_IO_COMP_STATUS_FLUSHED);
    }
    for (let next = takeReceive(memory, qp); next; next = takeReceive(memory, qp)) {
      this.#completions.received(qp, {
        requestId: next.requestId,
        status: EFA_IO_COMP_STATUS_FLUSHED,
        length: 0,
        operation: EFA_IO_SEND,
        sender: undefined,
        ah: 0,
        gid: GID,
        immediate: undefined,
      });
    }
  }

  /** Everything that waits is forgotten. */
  forget(qp: QueuePair): void {
    this.#takeWaiting((item) => item.qp === qp);
  }

  /** When there is something to do that nobody rings for; undefined for never. */
  get nextMs(): number | undefined {
    const next = Math.min(...this.#waiting.map(({ untilMs }) => untilMs));
    return Number.isFinite(next) ? next : undefined;
  }

  /** Ends what has waited for too long. */
  wake(): void {
    const now = performance.now();
    for (const { qp, request } of this.#takeWaiting(({ untilMs }) => untilMs <= now)) {
      this.#finish(qp, request, EFA_IO_COMP_STATUS_REMOTE_ERROR_RNR);
    }
  }

  #takeSend({ sendRing: ring }: QueuePair): Buffer {
    const slot = ring.consumer % ring.entries;
    ring.consumer = (ring.consumer + 1) & 0xffff;
    return this.#readLlq(ring.base + slot * efa_io_tx_wqe.size, efa_io_tx_wqe.size);
  }

  #carryOut(qp: QueuePair, wqe: Buffer): void {
    const { request, fault } = parseSend(wqe);
    if (fault !== undefined) this.#finish(qp, request, FAULT_STATUS[fault]);
    if (fault === 'malformed') this.#fail(qp);
    if (fault === undefined) this.#settle(qp, request, this.#delivery.deliver(qp, request));
  }

  #settle(qp: QueuePair, request: SendRequest, verdict: Verdict): void {
    if (verdict !== 'not-ready') {
      this.#finish(qp, request, verdict);
    } else if (qp.rnrRetry === 0) {
      this.#finish(qp, request, EFA_IO_COMP_STATUS_REMOTE_ERROR_RNR);
    } else {
      const isForEver = qp.rnrRetry >= RNR_FOR_EVER;
      const waitMs = isForEver ? Number.POSITIVE_INFINITY : qp.rnrRetry * RNR_DELAY_MS;
      this.#waiting.push({ qp, request, untilMs: performance.now() + waitMs });
    }
  }

  #retry(isMeant: (item: Waiting) => boolean): void {
    for (const item of this.#takeWaiting(isMeant)) {
      const verdict = this.#delivery.deliver(item.qp, item.request);
      if (verdict === 'not-ready') this.#waiting.push(item);
      else this.#finish(item.qp, item.request, verdict);
    }
  }

  #takeWaiting(isMeant: (item: Waiting) => boolean): readonly Waiting[] {
    const taken = this.#waiting.filter(isMeant);
    if (taken.length > 0) this.#waiting = this.#waiting.filter((item) => !isMeant(item));
    return taken;
  }

  #finish(qp: QueuePair, { requestId, operation, wantsCompletion }: SendRequest, status: number) {
    this.#delivery.count(operation, status);
    // Also where nobody wants a completion: counters stand in for them.
    const events = END_EVENTS.get(operation);
    const isWell = status === EFA_IO_COMP_STATUS_OK;
    if (events !== undefined) countEvent(this.#host, qp, isWell ? events.well : events.badly);
    if (isWell && !wantsCompletion) return;
    this.#completions.sent(qp, requestId, operation & 0x7, status);
  }

  /** The queue pair itself is broken: nothing is carried out any more. */
  #fail(qp: QueuePair): void {
    qp.state = EFA_ADMIN_QP_STATE_ERR;
    const { sendRing, recvRing } = qp;
    for (const ring of [sendRing, recvRing]) {
      if (waitingIn(ring) > ring.entries) ring.consumer = (ring.producer - ring.entries) & 0xffff;
    }
    this.flush(qp);
  }
}
