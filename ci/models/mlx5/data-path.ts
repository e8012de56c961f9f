import type { Call, Entries } from './command.ts';
import type { Completions } from './completions.ts';
import { Delivery, type DeliveryParts } from './delivery.ts';
import { numberEvent } from './events.ts';
import { FlushTimer } from './flush-timer.ts';
import * as h from './headers/ifc.ts';
import type { Objects } from './objects.ts';
import { type PageFault, resumptionIn } from './page-faults.ts';
import type { QueuePair, QueuePairActions } from './queue-pairs.ts';
import { receiverOf } from './receivers.ts';
import { DONE, type Verdict, type Wait } from './verdict.ts';
import { lengthOf, requestOf, type SendRequest } from './work-requests.ts';

/** A QP whose request waits. */
interface Blocked {
  readonly why: Wait['why'] | PageFault['why'];
  readonly tries: number;
  /** When it is tried again, by performance.now(). */
  readonly atMs: number;
  /** What it waits for, until the driver says something. */
  readonly fault?: PageFault;
  readonly deniedFault?: number;
}

const FLUSHED = h.MLX5_CQE_SYNDROME_WR_FLUSH_ERR;

/** What happens when somebody rings: requests are carried out between queue pairs of this device. */
export class DataPath implements QueuePairActions {
  readonly #objects: Objects;
  readonly #completions: Completions;
  readonly #delivery: Delivery;
  readonly #blocked = new Map<QueuePair, Blocked>();
  readonly #broken = new FlushTimer<QueuePair>();

  constructor(parts: Omit<DeliveryParts, 'failPeer'>) {
    this.#objects = parts.objects;
    this.#completions = parts.completions;
    this.#delivery = new Delivery({
      ...parts,
      failPeer: (peer, event) => this.#break(peer, event),
    });
  }

  get handlers(): Entries {
    return [[h.MLX5_CMD_OP_PAGE_FAULT_RESUME, (call) => this.#resume(call)]];
  }

  ring(qp: QueuePair): void {
    if (qp.sends?.update() === false) this.#break(qp, h.MLX5_EVENT_TYPE_WQ_CATAS_ERROR);
    else if (isBroken(qp)) this.#flushSends(qp);
    else this.run(qp);
  }

  run(qp: QueuePair): void {
    if ((this.#blocked.get(qp)?.atMs ?? 0) > performance.now()) return;
    while (qp.state === h.MLX5_QPC_STATE_RTS && (qp.sends?.waiting ?? 0) > 0) {
      if (!this.#carryOut(qp)) return;
    }
  }

  /** Everything that waits, and will, ends with a completion that says so. */
  fail(qp: QueuePair): void {
    this.#flushSends(qp);
    this.#flushReceives(qp);
    this.#release(qp);
    if (qp.receives !== undefined) this.#broken.add(qp);
    const sharesReceives = qp.get('rq_type') === h.MLX5_SRQ_RQ;
    if (sharesReceives && qp.type !== h.MLX5_QPC_ST_XRC)
      this.#sayEvent(qp, h.MLX5_EVENT_TYPE_SRQ_LAST_WQE);
  }

  forget(qp: QueuePair): void {
    this.#blocked.delete(qp);
    this.#broken.delete(qp);
    this.#release(qp);
  }

  /** When there is something to do that nobody rings for; undefined for never. */
  get nextMs(): number | undefined {
    const all = [...this.#blocked.values()].map(({ atMs }) => atMs);
    all.push(this.#broken.nextMs ?? Number.POSITIVE_INFINITY);
    const next = Math.min(...all);
    return Number.isFinite(next) ? next : undefined;
  }

  wake(): void {
    const now = performance.now();
    for (const [qp, { atMs }] of [...this.#blocked]) if (atMs <= now) this.run(qp);
    for (const qp of this.#broken.take()) this.#flushReceives(qp);
  }

  /** False where it has to wait, or can do no more. */
  #carryOut(qp: QueuePair): boolean {
    const posted = qp.sends?.peek();
    if (posted === undefined) {
      this.#break(qp, h.MLX5_EVENT_TYPE_WQ_CATAS_ERROR);
      return false;
    }
    const { deniedFault } = this.#blocked.get(qp) ?? {};
    const request = { ...requestOf(qp, posted), deniedFault };
    const verdict = this.#afterTries(qp, this.#delivery.deliver(qp, request));
    if (verdict === 'later') return false;
    // It may have broken its own QP, which then has flushed what was there.
    if (isBroken(qp)) return false;
    qp.sends?.skip(request.blocks);
    this.#finish(qp, request, verdict);
    return true;
  }

  /** What becomes of a request that has to wait. */
  #afterTries(qp: QueuePair, verdict: Verdict): number | 'later' {
    if (typeof verdict === 'number') return verdict;
    if (verdict.why === 'page-fault') {
      this.#await(qp, verdict);
      return 'later';
    }
    const { why, periodMs } = verdict;
    const before = this.#blocked.get(qp);
    const tries = before?.why === why ? before.tries : verdict.tries;
    if (tries === 0) {
      return why === 'not-ready'
        ? h.MLX5_CQE_SYNDROME_RNR_RETRY_EXC_ERR
        : h.MLX5_CQE_SYNDROME_TRANSPORT_RETRY_EXC_ERR;
    }
    this.#blocked.set(qp, { why, tries: tries - 1, atMs: performance.now() + periodMs });
    return 'later';
  }

  /** It waits as long as the driver needs; whether retries of the far side count meanwhile is not known. */
  #await(qp: QueuePair, fault: PageFault): void {
    const { why, event, subtype } = fault;
    const forever = Number.POSITIVE_INFINITY;
    this.#blocked.set(qp, { why, tries: forever, atMs: forever, fault });
    this.#objects.sayEvent(h.MLX5_EVENT_TYPE_PAGE_FAULT, event, subtype);
  }

  /** Where nobody waits any more, nothing happens: a guess, as that there must be such a QP. */
  #resume({ input }: Call): undefined {
    const { qpn, type, isError } = resumptionIn(input);
    this.#objects.qps.find(qpn);
    for (const [qp, { fault, ...blocked }] of [...this.#blocked]) {
      if (fault?.qp.number !== qpn || fault.type !== type) continue;
      this.#blocked.set(qp, { ...blocked, atMs: 0, ...(isError && { deniedFault: type }) });
      this.run(qp);
    }
  }

  /** What waits for pages of a far side that is no more finds out by trying. */
  #release(peer: QueuePair): void {
    for (const [qp, { fault, ...blocked }] of this.#blocked)
      if (fault?.qp === peer) this.#blocked.set(qp, { ...blocked, atMs: performance.now() });
  }

  #finish(qp: QueuePair, request: SendRequest, syndrome: number): void {
    this.#blocked.delete(qp);
    if (syndrome !== DONE) {
      this.#completions.sendFailed(qp, request, syndrome);
      this.#breakSends(qp);
    } else if (request.wantsCompletion) this.#completions.sent(qp, request, bytesOf(request));
  }

  /** As in IB, an error of a request breaks a connection, and of what is unreliable the send queue alone. */
  #breakSends(qp: QueuePair): void {
    if (!qp.isDatagram && qp.type !== h.MLX5_QPC_ST_UC) {
      this.#break(qp);
      return;
    }
    qp.state = h.MLX5_QPC_STATE_SQER;
    this.#flushSends(qp);
  }

  #break(qp: QueuePair, event?: number): void {
    if (qp.state === h.MLX5_QPC_STATE_ERR) return;
    qp.state = h.MLX5_QPC_STATE_ERR;
    if (event !== undefined) this.#sayEvent(qp, event);
    this.fail(qp);
  }

  #flushSends(qp: QueuePair): void {
    this.#blocked.delete(qp);
    const { sends } = qp;
    if (sends === undefined) return;
    while (sends.waiting > 0) {
      const posted = sends.peek();
      if (posted === undefined) {
        sends.drop();
        return;
      }
      sends.skip(posted.blocks);
      this.#completions.sendFailed(qp, requestOf(qp, posted), FLUSHED);
    }
  }

  #flushReceives(qp: QueuePair): void {
    const to = receiverOf(this.#objects, qp);
    for (let posted = qp.receives?.take(); posted !== undefined; posted = qp.receives?.take())
      this.#completions.receiveFailed(to, posted.index, FLUSHED);
  }

  #sayEvent({ number }: QueuePair, type: number): void {
    this.#objects.sayEvent(type, numberEvent(number));
  }
}

function isBroken({ state }: QueuePair): boolean {
  return state === h.MLX5_QPC_STATE_ERR || state === h.MLX5_QPC_STATE_SQER;
}

/** Only what brings data has a length. Source: cq.c, handle_good_req() */
function bytesOf({ work }: SendRequest): number {
  return work?.kind === 'read' || work?.kind === 'atomic' ? lengthOf(work.local) : 0;
}
