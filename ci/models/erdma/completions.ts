import { isSet, place, widePart } from '../bits.ts';
import type { Host } from '../vfio-user/device.ts';
import { completionEvent } from './command-queue.ts';
import { ownerOf } from './event-queue.ts';
import {
  CQE_SIZE,
  ERDMA_CQDB_ARM_MASK,
  ERDMA_CQDB_CI_MASK,
  ERDMA_CQDB_SOL_MASK,
  ERDMA_CQE_HDR_OPCODE_MASK,
  ERDMA_CQE_HDR_OWNER_MASK,
  ERDMA_CQE_HDR_QTYPE_MASK,
  ERDMA_CQE_HDR_SYNDROME_MASK,
  ERDMA_CQE_NTYPE_MASK,
  ERDMA_CQE_QTYPE_RQ,
  ERDMA_CQE_QTYPE_SQ,
  ERDMA_CQE_SL_MASK,
  ERDMA_CQE_SQPN_MASK,
  ERDMA_NETWORK_TYPE_IPV4,
  ERDMA_NETWORK_TYPE_IPV6,
  ERDMA_WC_SUCCESS,
  erdma_cqe,
} from './headers/erdma-hw.ts';
import type { CompletionQueue, QueuePair, Route } from './objects.ts';

const COUNT_MASK = Number(ERDMA_CQDB_CI_MASK);
const IMMEDIATE_AT = erdma_cqe.field('imm_data').offset;
const SIZE_AT = erdma_cqe.field('size').offset;
const INFO_AT = erdma_cqe.field('ud.info').offset;

export interface Completion {
  readonly opcode: number;
  readonly status: number;
  /** The first block of a send, or the number of a receive. */
  readonly index: number;
  readonly size: number;
}

/** What more a receive may say. */
export interface Arrival {
  readonly isSolicited: boolean;
  readonly immediate?: number | undefined;
  readonly invalidated?: number | undefined;
  /** Of a datagram. */
  readonly sender?: { readonly qpn: number; readonly route: Route };
}

/** Completion queues in guest memory, and the events that they give. */
export class Completions {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  sent(qp: QueuePair, completion: Completion): void {
    const entry = entryOf(qp, ERDMA_CQE_QTYPE_SQ, completion);
    this.#post(qp.sendCq, entry, completion.status !== ERDMA_WC_SUCCESS);
  }

  received(qp: QueuePair, completion: Completion, arrival: Arrival): void {
    const { immediate, invalidated, sender, isSolicited } = arrival;
    const entry = entryOf(qp, ERDMA_CQE_QTYPE_RQ, completion);
    if (immediate !== undefined) entry.writeUInt32LE(immediate, IMMEDIATE_AT);
    if (invalidated !== undefined) entry.writeUInt32BE(invalidated, IMMEDIATE_AT);
    if (sender !== undefined) entry.writeUInt32BE(infoOf(sender), INFO_AT);
    this.#post(qp.recvCq, entry, isSolicited || completion.status !== ERDMA_WC_SUCCESS);
  }

  /**
   * The doorbell of a completion queue. Arming one that has more than was consumed gives an event at
   * once: why else would the doorbell carry the consumer's index. The sequence number in it, by which
   * hardware may know a doorbell that it has answered already, is not looked at.
   */
  ring(cq: CompletionQueue, value: bigint): void {
    if (!isSet(value, ERDMA_CQDB_ARM_MASK)) return;
    cq.arming = isSet(value, ERDMA_CQDB_SOL_MASK) ? 'solicited' : 'any';
    const consumed = widePart(value, ERDMA_CQDB_CI_MASK);
    const unread = (cq.produced - consumed) & COUNT_MASK;
    const last = cq.arming === 'any' ? cq.produced : cq.solicited;
    if (unread > 0 && cq.produced - last < unread) this.#giveEvent(cq);
  }

  /** A queue that is too small is overwritten. Errors are solicited, as in IB. */
  #post(cq: CompletionQueue, entry: Buffer, isSolicited: boolean): void {
    const owner = place(ownerOf(cq.produced, cq.depth), ERDMA_CQE_HDR_OWNER_MASK);
    entry.writeUInt32BE((entry.readUInt32BE(0) | owner) >>> 0, 0);
    const offset = (cq.produced % cq.depth) * CQE_SIZE;
    cq.produced++;
    if (isSolicited) cq.solicited = cq.produced;
    for (const { address } of cq.pages.pieces(offset, CQE_SIZE)) {
      const isWritten = this.#host.memory.publish(address, entry);
      if (!isWritten) this.#host.say(`CQ ${cq.number} cannot be reached`);
    }
    if (cq.arming === 'any' || (cq.arming === 'solicited' && isSolicited)) this.#giveEvent(cq);
  }

  #giveEvent(cq: CompletionQueue): void {
    cq.arming = 'none';
    cq.eventQueue.post(completionEvent(cq.number, cq.produced));
  }
}

/** Without its owner bit. All but immediate data is in the other byte order. */
function entryOf({ number }: QueuePair, queue: number, completion: Completion): Buffer {
  const { opcode, status, index, size } = completion;
  const head =
    place(opcode, ERDMA_CQE_HDR_OPCODE_MASK) |
    place(queue, ERDMA_CQE_HDR_QTYPE_MASK) |
    place(status, ERDMA_CQE_HDR_SYNDROME_MASK);
  const entry = erdma_cqe.make();
  entry.writeUInt32BE(head >>> 0, 0);
  entry.writeUInt32BE(index, 4);
  entry.writeUInt32BE(number, 8);
  entry.writeUInt32BE(size, SIZE_AT);
  return entry;
}

function infoOf({ qpn, route }: NonNullable<Arrival['sender']>): number {
  const network = route.isIpv6 ? ERDMA_NETWORK_TYPE_IPV6 : ERDMA_NETWORK_TYPE_IPV4;
  const info =
    place(network, ERDMA_CQE_NTYPE_MASK) |
    place(route.serviceLevel, ERDMA_CQE_SL_MASK) |
    place(qpn, ERDMA_CQE_SQPN_MASK);
  return info >>> 0;
}
