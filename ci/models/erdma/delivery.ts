import { readerOf } from '../page-list.ts';
import type { Host } from '../vfio-user/device.ts';
import type { Completions } from './completions.ts';
import { deliverDatagram } from './datagrams.ts';
import { invalidatable, registerFast } from './fast-registration.ts';
import {
  ERDMA_AE_TYPE_ACC_ERR_EVENT,
  ERDMA_OP_RECV_IMM,
  ERDMA_WC_GENERAL_ERR,
  ERDMA_WC_RECV_STAG_INVALID_ERR,
  ERDMA_WC_RECV_WQE_FORMAT_ERR,
  ERDMA_WC_RETRY_EXC_ERR,
  ERDMA_WC_SEND_STAG_INVALID_ERR,
  ERDMA_WC_SEND_WQE_FORMAT_ERR,
  ERDMA_WC_SUCCESS,
} from './headers/erdma-hw.ts';
import { KeyedMemory, type MemoryFault } from './keyed-memory.ts';
import { RIGHT } from './memory-regions.ts';
import type { Objects, QueuePair } from './objects.ts';
import { canReceive } from './queue-pair-states.ts';
import { type SendRequest, takeReceive, waitingIn } from './queues.ts';
import { isReachable } from './routes.ts';
import type { Statistics } from './statistics.ts';
import { LOCAL_STATUS, REMOTE_STATUS } from './status.ts';
import { receiveOpcodeOf, type Work } from './work-requests.ts';

/** The status of the sender's completion, or that the receiver has no request posted. */
export type Verdict = number | 'not-ready';

type Kind<K extends Work['kind']> = Extract<Work, { kind: K }>;

/** The receiver's queue pair is broken; the event says why, where no completion does. */
export type FailPeer = (peer: QueuePair, event?: number) => void;

export interface DeliveryParts {
  readonly host: Host;
  readonly objects: () => Objects;
  readonly statistics: Statistics;
  readonly completions: Completions;
  readonly failPeer: FailPeer;
}

const PSN_MASK = 0xff_ffff;

/**
 * Brings one request to its end. Statuses are those whose names fit; the driver has one for all that is
 * wrong with a receive, and so the sender of a message that nobody can take is told "general error": a guess.
 */
export class Delivery {
  readonly #parts: DeliveryParts;
  readonly #memory: KeyedMemory;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    this.#memory = new KeyedMemory(parts.host.memory, parts.objects);
  }

  deliver(qp: QueuePair, { work, head }: SendRequest): Verdict {
    switch (work?.kind) {
      case 'send':
        if (qp.isDatagram) return deliverDatagram(this.#parts, this.#memory, qp, work, head);
        return this.#send(qp, work, head.isSolicited);
      case 'write':
        return this.#write(qp, work, head.isSolicited);
      case 'read':
        return this.#read(qp, work);
      case 'atomic':
        return this.#atomic(qp, work);
      case 'register': {
        const read = readerOf(this.#parts.host.memory);
        const isDone = registerFast(this.#parts.objects(), read, qp, work);
        return isDone ? ERDMA_WC_SUCCESS : ERDMA_WC_SEND_WQE_FORMAT_ERR;
      }
      case 'invalidate':
        return this.#invalidate(qp, work.key);
      default:
        return ERDMA_WC_SEND_WQE_FORMAT_ERR;
    }
  }

  #send(qp: QueuePair, work: Kind<'send'>, isSolicited: boolean): Verdict {
    const { payload, immediate, invalidate } = work;
    const data = this.#memory.payloadOf(qp, payload);
    if (typeof data === 'string') return LOCAL_STATUS[data];
    const peer = this.#peerOf(qp);
    if (peer === undefined) return ERDMA_WC_RETRY_EXC_ERR;
    const receive = takeReceive(this.#parts.host.memory, peer);
    if (receive === undefined) return 'not-ready';
    const { index, span } = receive;
    const opcode = receiveOpcodeOf(work);
    const complete = (status: number, size = 0): void => {
      const arrival = { isSolicited, immediate, invalidated: invalidate };
      this.#parts.completions.received(peer, { opcode, status, index, size }, arrival);
    };
    const region =
      invalidate === undefined ? undefined : invalidatable(this.#parts.objects(), peer, invalidate);
    const isWrongKey = invalidate !== undefined && region === undefined;
    const fault =
      span === undefined ? undefined : this.#memory.scatter(peer, span, data, RIGHT.localWrite);
    if (span === undefined || isWrongKey || fault !== undefined) {
      const status =
        span === undefined ? ERDMA_WC_RECV_WQE_FORMAT_ERR : REMOTE_STATUS[fault ?? 'key'];
      complete(status);
      this.#parts.failPeer(peer);
      return isWrongKey ? ERDMA_WC_RECV_STAG_INVALID_ERR : ERDMA_WC_GENERAL_ERR;
    }
    if (region !== undefined) region.isValid = false;
    this.#count(qp, peer, data.length);
    complete(ERDMA_WC_SUCCESS, data.length);
    return ERDMA_WC_SUCCESS;
  }

  #write(qp: QueuePair, work: Kind<'write'>, isSolicited: boolean): Verdict {
    const { payload, immediate, remote } = work;
    const data = this.#memory.payloadOf(qp, payload);
    if (typeof data === 'string') return LOCAL_STATUS[data];
    const peer = this.#peerOf(qp);
    if (peer === undefined) return ERDMA_WC_RETRY_EXC_ERR;
    if (immediate !== undefined && waitingIn(peer.recvRing) === 0) return 'not-ready';
    const span = { ...remote, length: data.length };
    const fault = this.#memory.scatter(peer, span, data, RIGHT.remoteWrite);
    if (fault !== undefined) return this.#refuse(peer, fault);
    this.#count(qp, peer, data.length);
    if (immediate === undefined) return ERDMA_WC_SUCCESS;
    return this.#announce(peer, immediate, data.length, isSolicited);
  }

  /** Immediate data takes a receive whose memory is not used. */
  #announce(peer: QueuePair, immediate: number, size: number, isSolicited: boolean): Verdict {
    const receive = takeReceive(this.#parts.host.memory, peer);
    if (receive === undefined) return 'not-ready';
    const isWhole = receive.span !== undefined;
    const status = isWhole ? ERDMA_WC_SUCCESS : ERDMA_WC_RECV_WQE_FORMAT_ERR;
    const completion = { opcode: ERDMA_OP_RECV_IMM, status, index: receive.index, size };
    this.#parts.completions.received(peer, completion, { isSolicited, immediate });
    if (isWhole) return ERDMA_WC_SUCCESS;
    this.#parts.failPeer(peer);
    return ERDMA_WC_GENERAL_ERR;
  }

  #read(qp: QueuePair, { local, remote, invalidate }: Kind<'read'>): Verdict {
    const before = this.#memory.faultOf(qp, [local], RIGHT.localWrite);
    if (before !== undefined) return LOCAL_STATUS[before];
    const peer = this.#peerOf(qp);
    if (peer === undefined) return ERDMA_WC_RETRY_EXC_ERR;
    const data = this.#memory.gather(peer, [remote], RIGHT.remoteRead);
    if (typeof data === 'string') return this.#refuse(peer, data);
    const fault = this.#memory.scatter(qp, local, data, RIGHT.localWrite);
    if (fault !== undefined) return LOCAL_STATUS[fault];
    this.#count(qp, peer, data.length);
    return invalidate === undefined ? ERDMA_WC_SUCCESS : this.#invalidate(qp, invalidate);
  }

  /** Numbers are in memory as the host's CPU has them, so that it may be one of the parties. */
  #atomic(qp: QueuePair, { local, remote, compare, value }: Kind<'atomic'>): Verdict {
    const before = this.#memory.faultOf(qp, [local], RIGHT.localWrite);
    if (before !== undefined) return LOCAL_STATUS[before];
    const peer = this.#peerOf(qp);
    if (peer === undefined) return ERDMA_WC_RETRY_EXC_ERR;
    if (remote.address % 8n !== 0n) return this.#refuse(peer, 'bounds');
    const old = this.#memory.gather(peer, [remote], RIGHT.remoteAtomic);
    if (typeof old === 'string') return this.#refuse(peer, old);
    const found = old.readBigUInt64LE(0);
    const result = Buffer.alloc(old.length);
    const swapped = compare === found ? value : found;
    const next = compare === undefined ? BigInt.asUintN(64, found + value) : swapped;
    result.writeBigUInt64LE(next);
    const fault = this.#memory.scatter(peer, remote, result, RIGHT.remoteAtomic);
    if (fault !== undefined) return this.#refuse(peer, fault);
    this.#count(qp, peer, old.length);
    const after = this.#memory.scatter(qp, local, old, RIGHT.localWrite);
    return after === undefined ? ERDMA_WC_SUCCESS : LOCAL_STATUS[after];
  }

  #invalidate(qp: QueuePair, key: number): Verdict {
    const region = invalidatable(this.#parts.objects(), qp, key);
    if (region === undefined) return ERDMA_WC_SEND_STAG_INVALID_ERR;
    region.isValid = false;
    return ERDMA_WC_SUCCESS;
  }

  /** Access that is refused ends the connection on both sides; the owner of the memory gets an event. */
  #refuse(peer: QueuePair, fault: MemoryFault): Verdict {
    this.#parts.failPeer(peer, ERDMA_AE_TYPE_ACC_ERR_EVENT);
    return REMOTE_STATUS[fault];
  }

  /**
   * The queue pair at the other end, where it takes this one's packets: by their addresses, and by their
   * sequence numbers as in IB. Else nobody answers, and no retry would change that.
   */
  #peerOf(qp: QueuePair): QueuePair | undefined {
    const objects = this.#parts.objects();
    if (qp.route === undefined || !isReachable(objects, qp.route)) return undefined;
    const peer = objects.qps.get(qp.peer);
    if (peer === undefined || peer.isDatagram || !canReceive(peer.state)) return undefined;
    return peer.peer === qp.number && peer.rqPsn === qp.sqPsn ? peer : undefined;
  }

  #count(qp: QueuePair, peer: QueuePair, bytes: number): void {
    const { statistics, objects } = this.#parts;
    const packets = Math.max(1, Math.ceil(bytes / packetBytes(objects().mtu)));
    qp.sqPsn = (qp.sqPsn + packets) & PSN_MASK;
    peer.rqPsn = (peer.rqPsn + packets) & PSN_MASK;
    statistics.sent(bytes, packets);
    statistics.received(bytes, packets);
  }
}

const PACKET_BYTES = [4096, 2048, 1024, 512];

/** What a packet carries on a net device of that MTU, as the driver says (ib_mtu_int_to_enum()). */
export function packetBytes(mtu: number): number {
  return PACKET_BYTES.find((bytes) => bytes <= mtu) ?? 256;
}
