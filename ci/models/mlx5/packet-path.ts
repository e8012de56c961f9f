import type { Host } from '../vfio-user/device.ts';
import type { Completions, Taker } from './completions.ts';
import { queueEvent } from './events.ts';
import { FlushTimer } from './flush-timer.ts';
import * as h from './headers/ifc.ts';
import { KeyedMemory } from './keyed-memory.ts';
import { MAX_FRAME_BYTES, MIN_FRAME_BYTES } from './limits.ts';
import { type Arrival, Loopback } from './loopback.ts';
import type { Objects } from './objects.ts';
import { BROKEN, type PacketQueue, READY, ReceiveQueue, SendQueue } from './packet-queues.ts';
import { frameIn } from './packet-requests.ts';
import type { Port } from './port.ts';
import type { Receive } from './receives.ts';
import type { PostedSend } from './send-ring.ts';
import { DONE } from './verdict.ts';
import type { WorkQueueActions } from './work-queues.ts';
import { bodyOf, controlOf, lengthOf } from './work-requests.ts';

const FLUSHED = h.MLX5_CQE_SYNDROME_WR_FLUSH_ERR;

export interface PacketParts {
  readonly host: Host;
  readonly port: Port;
  readonly objects: Objects;
  readonly completions: Completions;
}

/** Raw packets: frames from SQs, which come back to RQs or are gone. */
export class PacketPath implements WorkQueueActions {
  readonly #parts: PacketParts;
  readonly #memory: KeyedMemory;
  readonly #loopback: Loopback;
  readonly #broken = new FlushTimer<ReceiveQueue>();

  constructor(parts: PacketParts) {
    this.#parts = parts;
    this.#memory = new KeyedMemory(parts.host, parts.objects);
    this.#loopback = new Loopback(parts.objects, parts.port);
  }

  ring(sq: SendQueue): void {
    if (!sq.ring.update()) this.#breakRing(sq);
    else if (sq.state === BROKEN) this.#flushSends(sq);
    else this.run(sq);
  }

  run(queue: PacketQueue): void {
    if (queue instanceof ReceiveQueue) return;
    while (queue.state === READY && queue.ring.waiting > 0) this.#carryOut(queue);
  }

  fail(queue: PacketQueue): void {
    if (queue instanceof SendQueue) this.#flushSends(queue);
    else {
      this.#flushReceives(queue);
      this.#broken.add(queue);
    }
  }

  forget(queue: PacketQueue): void {
    if (queue instanceof ReceiveQueue) this.#broken.delete(queue);
  }

  /** When there is something to do that nobody rings for; undefined for never. */
  get nextMs(): number | undefined {
    return this.#broken.nextMs;
  }

  wake(): void {
    for (const rq of this.#broken.take()) this.#flushReceives(rq);
  }

  #carryOut(sq: SendQueue): void {
    const posted = sq.ring.peek();
    if (posted === undefined) {
      this.#breakRing(sq);
      return;
    }
    const control = controlOf(posted);
    const syndrome = this.#do(sq, control.opcode, posted);
    sq.ring.skip(posted.blocks);
    if (syndrome !== DONE) {
      this.#parts.completions.sendFailed(sq, control, syndrome);
      this.#break(sq);
    } else if (control.wantsCompletion) this.#parts.completions.sent(sq, control, 0);
  }

  /** What a frame's length must be is known; which error says that it is not, is a guess. */
  #do(sq: SendQueue, opcode: number, posted: PostedSend): number {
    if (opcode === h.MLX5_OPCODE_NOP) return DONE;
    const data = opcode === h.MLX5_OPCODE_SEND ? frameIn(bodyOf(posted)) : undefined;
    if (data === undefined) return h.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
    const length = lengthOf(data);
    if (length < MIN_FRAME_BYTES || length > MAX_FRAME_BYTES)
      return h.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR;
    const frame = this.#memory.gather(sq, data, 'lr');
    if (!Buffer.isBuffer(frame)) return h.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
    for (const arrival of this.#loopback.receiversOf(sq, frame)) this.#receive(arrival, frame);
    return DONE;
  }

  /** A frame that nobody has room for is gone, and nobody is told. */
  #receive({ rq, tag }: Arrival, frame: Buffer): void {
    const receive = rq.state === READY ? rq.ring.take() : undefined;
    if (receive === undefined) return;
    const { completions } = this.#parts;
    const syndrome = this.#fill(rq, receive, frame);
    if (syndrome === DONE) {
      const arrival = { isSolicited: false, length: frame.length };
      completions.received(this.#takerOf(rq, tag), receive.index, arrival);
      return;
    }
    completions.receiveFailed(this.#takerOf(rq), receive.index, syndrome);
    this.#break(rq);
  }

  #fill(rq: ReceiveQueue, { spans }: Receive, frame: Buffer): number {
    if (spans === undefined) return h.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
    if (frame.length > lengthOf(spans)) return h.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR;
    const isFilled = this.#memory.scatter(rq, spans, frame, 'lw');
    return isFilled === true ? DONE : h.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
  }

  /**
   * A completion with a frame has the tag of its rule where others have the queue's number: the user's
   * index names the queue. Source: core/en_rx.c, mlx5e_build_rx_skb()
   */
  #takerOf(rq: ReceiveQueue, number = rq.number): Taker {
    const cq = this.#parts.objects.cqs.get(rq.cqn);
    return { qp: { number, isGeneral: false }, cq, name: rq.userIndex };
  }

  /** No request can be found that a completion could be of: an event tells. */
  #breakRing(sq: SendQueue): void {
    if (sq.state === BROKEN) return;
    const event = queueEvent(sq.number, h.MLX5_EVENT_QUEUE_TYPE_SQ);
    this.#parts.objects.sayEvent(h.MLX5_EVENT_TYPE_WQ_CATAS_ERROR, event);
    this.#break(sq);
  }

  #break(queue: PacketQueue): void {
    queue.state = BROKEN;
    this.fail(queue);
  }

  #flushSends(sq: SendQueue): void {
    while (sq.ring.waiting > 0) {
      const posted = sq.ring.peek();
      if (posted === undefined || !sq.flushes) {
        sq.ring.drop();
        return;
      }
      sq.ring.skip(posted.blocks);
      this.#parts.completions.sendFailed(sq, controlOf(posted), FLUSHED);
    }
  }

  #flushReceives(rq: ReceiveQueue): void {
    if (!rq.flushes) return;
    const to = this.#takerOf(rq);
    for (let posted = rq.ring.take(); posted !== undefined; posted = rq.ring.take())
      this.#parts.completions.receiveFailed(to, posted.index, FLUSHED);
  }
}
