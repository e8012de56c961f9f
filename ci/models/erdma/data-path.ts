import type { Host } from '../vfio-user/device.ts';
import { Completions } from './completions.ts';
import { Delivery } from './delivery.ts';
import {
  ERDMA_AE_TYPE_QP_FATAL_EVENT,
  ERDMA_OP_RECEIVE,
  ERDMA_WC_FLUSH_ERR,
  ERDMA_WC_RETRY_EXC_ERR,
  ERDMA_WC_SUCCESS,
} from './headers/erdma-hw.ts';
import type { CompletionQueue, Objects, QueuePair } from './objects.ts';
import { canSend, STATE } from './queue-pair-states.ts';
import type { QueuePairActions } from './queue-pairs.ts';
import {
  advance,
  drop,
  peekSend,
  type SendRequest,
  takeReceive,
  takeSend,
  waitingIn,
} from './queues.ts';
import type { Statistics } from './statistics.ts';
import { bytesOf } from './work-requests.ts';

/**
 * How long a sender waits for a receiver that is not ready, which is tried again whenever it posts. The
 * driver hands on no retry count (erdma_verbs.c, erdma_init_mod_qp_params_rocev2()), so hardware has
 * one of its own; how long that is, is a guess.
 */
const RNR_MS = 3_000;

/** What happens when somebody rings: work requests are carried out between queue pairs of this device. */
export class DataPath implements QueuePairActions {
  readonly #host: Host;
  readonly #statistics: Statistics;
  readonly #completions: Completions;
  readonly #delivery: Delivery;
  readonly #sayEvent: (type: number, qpn: number) => void;
  /** Queue pairs whose receiver is not ready, and until when they wait, by performance.now(). */
  readonly #blocked = new Map<QueuePair, number>();

  /** @param sayEvent tells the driver of something that no completion tells */
  constructor(
    host: Host,
    objects: () => Objects,
    statistics: Statistics,
    sayEvent: (type: number, qpn: number) => void,
  ) {
    this.#host = host;
    this.#statistics = statistics;
    this.#sayEvent = sayEvent;
    this.#completions = new Completions(host);
    this.#delivery = new Delivery({
      host,
      objects,
      statistics,
      completions: this.#completions,
      failPeer: (peer, event) => this.#fail(peer, event),
    });
  }

  reset(): void {
    this.#blocked.clear();
  }

  /** What is rung in before the queue pair can do it waits, from reset on: a guess. */
  ringSend(qp: QueuePair, producer: number): void {
    if (!advance(qp.sendRing, producer)) this.#fail(qp, ERDMA_AE_TYPE_QP_FATAL_EVENT);
    else if (qp.state === STATE.ERROR) this.flush(qp);
    else if (qp.state === STATE.SQE) this.#flushSends(qp);
    else this.run(qp);
  }

  ringReceive(qp: QueuePair, producer: number): void {
    if (!advance(qp.recvRing, producer)) this.#fail(qp, ERDMA_AE_TYPE_QP_FATAL_EVENT);
    else if (qp.state === STATE.ERROR) this.flush(qp);
    else for (const other of [...this.#blocked.keys()]) if (isAt(other, qp)) this.run(other);
  }

  ringCq(cq: CompletionQueue, value: bigint): void {
    this.#completions.ring(cq, value);
  }

  /** Carries out what waits in the send queue. */
  run(qp: QueuePair): void {
    while (canSend(qp.state) && waitingIn(qp.sendRing) > 0) if (!this.#carryOut(qp)) return;
  }

  /** Everything that waits ends with a completion that says so. */
  flush(qp: QueuePair): void {
    this.#flushSends(qp);
    for (;;) {
      const posted = takeReceive(this.#host.memory, qp);
      if (posted === undefined) return;
      const { index } = posted;
      const completion = { opcode: ERDMA_OP_RECEIVE, status: ERDMA_WC_FLUSH_ERR, index, size: 0 };
      this.#completions.received(qp, completion, { isSolicited: false });
    }
  }

  forget(qp: QueuePair): void {
    this.#blocked.delete(qp);
  }

  /** When there is something to do that nobody rings for; undefined for never. */
  get nextMs(): number | undefined {
    return this.#blocked.size === 0 ? undefined : Math.min(...this.#blocked.values());
  }

  /** Ends what has waited for too long. */
  wake(): void {
    const now = performance.now();
    for (const [qp, untilMs] of [...this.#blocked]) {
      if (untilMs > now) continue;
      const request = peekSend(this.#host.memory, qp);
      if (request === undefined) continue;
      takeSend(qp, request);
      this.#finish(qp, request, ERDMA_WC_RETRY_EXC_ERR);
    }
  }

  /** False where it has to wait. */
  #carryOut(qp: QueuePair): boolean {
    const request = peekSend(this.#host.memory, qp);
    if (request === undefined) {
      this.#fail(qp, ERDMA_AE_TYPE_QP_FATAL_EVENT);
      return false;
    }
    takeSend(qp, request);
    const verdict = this.#delivery.deliver(qp, request);
    if (verdict !== 'not-ready') {
      this.#finish(qp, request, verdict);
      return true;
    }
    qp.sendRing.consumer = request.index;
    if (!this.#blocked.has(qp)) this.#blocked.set(qp, performance.now() + RNR_MS);
    return false;
  }

  #finish(qp: QueuePair, { index, head, work }: SendRequest, status: number): void {
    this.#blocked.delete(qp);
    this.#statistics.txRequests++;
    const isWell = status === ERDMA_WC_SUCCESS;
    if (!isWell || head.wantsCompletion) {
      const size = isWell && work !== undefined ? bytesOf(work) : 0;
      this.#completions.sent(qp, { opcode: head.opcode, status, index, size });
    }
    if (!isWell) this.#break(qp);
  }

  /** As in IB, an error of a request breaks a connection, and of datagrams the send queue alone. */
  #break(qp: QueuePair): void {
    if (!qp.isDatagram) {
      this.#fail(qp);
      return;
    }
    qp.state = STATE.SQE;
    this.#flushSends(qp);
  }

  #flushSends(qp: QueuePair): void {
    this.#blocked.delete(qp);
    const { sendRing: ring } = qp;
    while (waitingIn(ring) > 0) {
      const request = peekSend(this.#host.memory, qp);
      if (request === undefined) {
        ring.consumer = ring.producer;
        return;
      }
      takeSend(qp, request);
      const { index, head } = request;
      const completion = { opcode: head.opcode, status: ERDMA_WC_FLUSH_ERR, index, size: 0 };
      this.#completions.sent(qp, completion);
    }
  }

  /** Nothing is carried out any more. */
  #fail(qp: QueuePair, event?: number): void {
    qp.state = STATE.ERROR;
    for (const ring of [qp.sendRing, qp.recvRing]) drop(ring);
    if (event !== undefined) this.#sayEvent(event, qp.number);
    this.flush(qp);
  }
}

const isAt = ({ peer }: QueuePair, { number }: QueuePair): boolean => peer === number;
