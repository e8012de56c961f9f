import {
  EFA_IO_CDESC_COMMON_HAS_IMM_MASK,
  EFA_IO_CDESC_COMMON_UNSOLICITED_MASK,
  EFA_IO_COMP_STATUS_OK,
  EFA_IO_RECV_QUEUE,
  EFA_IO_SEND_QUEUE,
  efa_io_cdesc_common,
  efa_io_rx_cdesc,
  efa_io_rx_cdesc_ex,
  efa_io_tx_cdesc,
} from '../../../providers/rdma/efa/io-defs.ts';
import type { Host } from '../vfio-user/device.ts';
import { phaseOf } from './admin-queue.ts';
import { countEvent } from './event-counters.ts';
import { postCompletionEvent } from './event-queues.ts';
import {
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_RECV_COMP_ERR_MASK as RECV_ENDS_BADLY,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_RECV_COMP_MASK as RECV_ENDS_WELL,
} from './headers/efa-admin-cmds-defs.ts';
import type { CompletionQueue, QueuePair } from './objects.ts';

/** Bits of a CQ doorbell. Source: rdma-core, providers/efa/efa_io_regs_defs.h (no kernel header has them) */
const CONSUMER_INDEX_MASK = 0xffff;
const ARM_MASK = 0x8000_0000;

/** No address handle of the receiver names the sender. */
export const UNKNOWN_AH = 0xffff;
/** Of a completion that no request was posted for. */
const NO_REQUEST = 0xffff;

/** They have the phase, and are in the first word. */
const FLAGS_AT = efa_io_cdesc_common.field('flags').offset;

const flagsOf = (queue: number, operation: number): number => (queue << 1) | (operation << 4);

export interface ReceiveCompletion {
  /** Undefined: RDMA with immediate data that takes no request. */
  readonly requestId: number | undefined;
  readonly status: number;
  readonly operation: number;
  readonly length: number;
  readonly sender: QueuePair | undefined;
  /** The handle by which the receiver knows the sender. */
  readonly ah: number;
  /** The sender's address, for receivers that do not. */
  readonly gid: Buffer;
  readonly immediate: number | undefined;
}

/** Completion queues in guest memory, and the events that they give. */
export class Completions {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  sent(qp: QueuePair, requestId: number, operation: number, status: number): void {
    const common = {
      ...headOf(qp, requestId, status),
      flags: flagsOf(EFA_IO_SEND_QUEUE, operation),
    };
    this.#post(qp.sendCq, efa_io_tx_cdesc.make({ common }));
  }

  received(qp: QueuePair, completion: ReceiveCompletion): void {
    const { requestId, status, operation, length, sender, ah, gid, immediate } = completion;
    countEvent(this.#host, qp, status === EFA_IO_COMP_STATUS_OK ? RECV_ENDS_WELL : RECV_ENDS_BADLY);
    const flags =
      flagsOf(EFA_IO_RECV_QUEUE, operation) |
      (immediate === undefined ? 0 : EFA_IO_CDESC_COMMON_HAS_IMM_MASK) |
      (requestId === undefined ? EFA_IO_CDESC_COMMON_UNSOLICITED_MASK : 0);
    const common = { ...headOf(qp, requestId ?? NO_REQUEST, status), flags };
    const base = {
      common,
      length: length & 0xffff,
      ah,
      imm: immediate ?? 0,
      src_qp_num: sender?.number ?? 0,
    };
    const { entryBytes, hasSourceAddress } = qp.recvCq;
    if (entryBytes === efa_io_rx_cdesc.size) {
      this.#post(qp.recvCq, efa_io_rx_cdesc.make(base));
      return;
    }
    const isUnknown = hasSourceAddress && ah === UNKNOWN_AH && sender !== undefined;
    const u = isUnknown ? { src_addr: gid } : { rdma_write: { length_hi: length >>> 16 } };
    this.#post(qp.recvCq, efa_io_rx_cdesc_ex.make({ base, u }));
  }

  /**
   * The user's doorbell of a completion queue. Arming one that has more than was consumed gives an event
   * at once: why else would the doorbell carry the consumer's index.
   */
  ring(cq: CompletionQueue, value: number): void {
    if ((value & ARM_MASK) === 0) return;
    cq.isArmed = true;
    if (((cq.produced - value) & CONSUMER_INDEX_MASK) !== 0) this.#giveEvent(cq);
  }

  /** A queue that is too small is overwritten. */
  #post(cq: CompletionQueue, entry: Buffer): void {
    const phase = phaseOf(cq.produced, cq.depth);
    const at = cq.base + (cq.produced % cq.depth) * cq.entryBytes;
    cq.produced++;
    entry.writeUInt8(entry.readUInt8(FLAGS_AT) | phase, FLAGS_AT);
    const isWritten = this.#host.memory.publish(at, entry);
    if (!isWritten) this.#host.say(`CQ ${cq.id} cannot be reached`);
    if (cq.isArmed) this.#giveEvent(cq);
  }

  #giveEvent(cq: CompletionQueue): void {
    cq.isArmed = false;
    if (cq.eventQueue !== undefined) postCompletionEvent(this.#host, cq.eventQueue, cq.id);
  }
}

function headOf({ number }: QueuePair, requestId: number, status: number) {
  return { req_id: requestId, status, qp_num: number };
}
