import type { Host } from '../vfio-user/device.ts';
import type { Capabilities, Link } from './capabilities.ts';
import type { Completions } from './completions.ts';
import { deliverDatagram } from './datagrams.ts';
import * as h from './headers/ifc.ts';
import { changeKey, invalidateRemotely, isInvalidatable } from './key-changes.ts';
import { type Absent, KeyedMemory } from './keyed-memory.ts';
import { MAX_MESSAGE_BYTES, MTU_BYTES } from './limits.ts';
import type { Span } from './memory-keys.ts';
import type { Objects } from './objects.ts';
import { Paging, receiveFault, remoteFault, requestFault } from './page-faults.ts';
import { canReceive } from './queue-pair-states.ts';
import { packetBytes, type QueuePair } from './queue-pairs.ts';
import { type Receiver, receiverOf, xrcReceiver } from './receivers.ts';
import type { Receive } from './receives.ts';
import { isOwnPath } from './routes.ts';
import { DONE, noAnswer, notReady, type Verdict } from './verdict.ts';
import { lengthOf, type SendRequest, type Work } from './work-requests.ts';

type Kind<K extends Work['kind']> = Extract<Work, { kind: K }>;

export interface DeliveryParts {
  readonly host: Host;
  readonly link: Link;
  readonly objects: Objects;
  readonly completions: Completions;
  readonly capabilities: Capabilities;
  /** The receiver's queue pair is broken; the event says why, where no completion does. */
  readonly failPeer: (peer: QueuePair, event?: number) => void;
}

/** A request on its way, with both its ends. */
interface Exchange {
  readonly qp: QueuePair;
  readonly peer: QueuePair;
  readonly request: SendRequest;
}

const ATOMIC_BYTES = 8;
const PROTECTED = () => h.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;

/** Brings one request to its end. Errors are those of IB: section 9.9, and 10.10 for what becomes of the QPs. */
export class Delivery {
  readonly #parts: DeliveryParts;
  readonly #memory: KeyedMemory;
  readonly #paging: Paging;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    this.#memory = new KeyedMemory(parts.host, parts.objects);
    this.#paging = new Paging(parts.capabilities);
  }

  deliver(qp: QueuePair, request: SendRequest): Verdict {
    const { work } = request;
    switch (work?.kind) {
      case 'nothing':
        return DONE;
      case 'send':
        if (qp.isDatagram) return this.#datagram(qp, request, work);
        return this.#withData(qp, request, work, (data, peer) =>
          this.#send(qp, peer, request, data, work),
        );
      case 'write':
        return this.#withData(qp, request, work, (data, peer) =>
          this.#write(qp, peer, request, data, work),
        );
      case 'read':
        return this.#read(qp, request, work);
      case 'atomic':
        return this.#atomic(qp, request, work);
      case 'change':
        return changeKey(this.#parts.objects, this.#memory, qp, work);
      default:
        return h.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
    }
  }

  #datagram(qp: QueuePair, request: SendRequest, work: Kind<'send'>): Verdict {
    // As IBA C10-93.1.1 has it: it is not sent, and nobody is told. What silicon does is not known.
    if (lengthOf(work.data) > MTU_BYTES) return DONE;
    const data = this.#memory.gather(qp, work.data, 'lr');
    if (!Buffer.isBuffer(data)) return this.#lacksOwn(data, qp, request, work);
    return deliverDatagram(this.#parts, this.#memory, qp, { request, work, data });
  }

  #withData(
    qp: QueuePair,
    request: SendRequest,
    work: Kind<'send' | 'write'>,
    act: (data: Buffer, peer: QueuePair) => Verdict,
  ): Verdict {
    if (lengthOf(work.data) > MAX_MESSAGE_BYTES) return h.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR;
    const data = this.#memory.gather(qp, work.data, 'lr');
    if (!Buffer.isBuffer(data)) return this.#lacksOwn(data, qp, request, work);
    const peer = this.#peerOf(qp);
    return peer === undefined ? this.#silence(qp) : act(data, peer);
  }

  #send(
    qp: QueuePair,
    peer: QueuePair,
    request: SendRequest,
    data: Buffer,
    { immediate, invalidate }: Kind<'send'>,
  ): Verdict {
    const to = this.#receiver(peer, request);
    if (to === undefined) return this.#refuse(qp, peer, 'request');
    const key =
      invalidate === undefined
        ? undefined
        : isInvalidatable(this.#parts.objects, to.who, invalidate);
    if (key === false) return this.#refuse(qp, peer, 'access');
    const receive = to.receives?.peek();
    if (receive === undefined) return this.#notReady(qp, peer);
    const syndrome = this.#fill(to, receive, data, request);
    if (typeof syndrome !== 'number') return syndrome;
    to.receives?.take();
    if (syndrome !== DONE) {
      this.#parts.completions.receiveFailed(to, receive.index, syndrome);
      this.#parts.failPeer(peer);
      const isTooLong = syndrome === h.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR;
      if (!qp.isReliable) return DONE;
      return isTooLong
        ? h.MLX5_CQE_SYNDROME_REMOTE_INVAL_REQ_ERR
        : h.MLX5_CQE_SYNDROME_REMOTE_OP_ERR;
    }
    if (invalidate !== undefined) invalidateRemotely(this.#parts.objects, invalidate);
    this.#count(qp, peer, data.length);
    const { isSolicited } = request;
    const arrival = { isSolicited, length: data.length, immediate, invalidated: invalidate };
    this.#parts.completions.received(to, receive.index, arrival);
    return DONE;
  }

  #fill(to: Receiver, { index, spans }: Receive, data: Buffer, request: SendRequest): Verdict {
    if (spans === undefined) return h.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
    if (data.length > lengthOf(spans)) return h.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR;
    const isFilled = this.#memory.scatter(to.who, spans, data, 'lw');
    if (isFilled === true) return DONE;
    const fault = receiveFault(to, index, data.length);
    return this.#paging.orWait(isFilled, fault, request, PROTECTED);
  }

  /** Immediate data takes a receive whose memory is not used. */
  #write(
    qp: QueuePair,
    peer: QueuePair,
    request: SendRequest,
    data: Buffer,
    { immediate, remote }: Kind<'write'>,
  ): Verdict {
    const to = this.#receiver(peer, request);
    if (to === undefined || peer.get('rwe') === 0) return this.#refuse(qp, peer, 'request');
    const isReady = immediate === undefined || (to.receives?.waiting ?? 0) > 0;
    if (!isReady) return this.#notReady(qp, peer);
    const span = { ...remote, length: data.length };
    const isWritten = this.#memory.scatter(to.who, [span], data, 'rw');
    if (isWritten !== true)
      return this.#lacksTheirs(isWritten, { qp, peer, request }, span, 'write');
    this.#count(qp, peer, data.length);
    const receive = immediate === undefined ? undefined : to.receives?.take();
    if (receive === undefined) return DONE;
    const { isSolicited } = request;
    const arrival = { isSolicited, length: data.length, immediate, isWrite: true };
    this.#parts.completions.received(to, receive.index, arrival);
    return DONE;
  }

  #read(qp: QueuePair, request: SendRequest, work: Kind<'read'>): Verdict {
    const { local, remote } = work;
    const length = lengthOf(local);
    if (length > MAX_MESSAGE_BYTES) return h.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR;
    const isThere = this.#memory.canReach(qp, local, 'lw');
    if (isThere !== true) return this.#lacksOwn(isThere, qp, request, work);
    const peer = this.#peerOf(qp);
    if (peer === undefined) return this.#silence(qp);
    const to = this.#receiver(peer, request);
    if (to === undefined || peer.get('rre') === 0) return this.#refuse(qp, peer, 'request');
    const span = { ...remote, length };
    const data = this.#memory.gather(to.who, [span], 'rr');
    if (!Buffer.isBuffer(data)) return this.#lacksTheirs(data, { qp, peer, request }, span, 'read');
    this.#count(qp, peer, length);
    const isFilled = this.#memory.scatter(qp, local, data, 'lw');
    return isFilled === true ? DONE : h.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
  }

  /** Numbers are in memory as the CPU has them. */
  #atomic(qp: QueuePair, request: SendRequest, work: Kind<'atomic'>): Verdict {
    const { local, compare, value } = work;
    if (lengthOf(local) !== ATOMIC_BYTES) return h.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR;
    const isThere = this.#memory.canReach(qp, local, 'lw');
    if (isThere !== true) return this.#lacksOwn(isThere, qp, request, work);
    const peer = this.#peerOf(qp);
    if (peer === undefined) return this.#silence(qp);
    const to = this.#receiver(peer, request);
    const remote: Span = { ...work.remote, length: ATOMIC_BYTES };
    const isAligned = remote.address % BigInt(ATOMIC_BYTES) === 0n;
    if (to === undefined || peer.get('rae') === 0 || !isAligned)
      return this.#refuse(qp, peer, 'request');
    const old = this.#memory.gather(to.who, [remote], 'a');
    if (!Buffer.isBuffer(old))
      return this.#lacksTheirs(old, { qp, peer, request }, remote, 'atomic');
    const found = old.readBigUInt64LE(0);
    const swapped = compare === found ? value : found;
    const next = compare === undefined ? BigInt.asUintN(64, found + value) : swapped;
    const result = Buffer.alloc(ATOMIC_BYTES);
    result.writeBigUInt64LE(next);
    if (this.#memory.scatter(to.who, [remote], result, 'a') !== true)
      return this.#refuse(qp, peer, 'access');
    this.#count(qp, peer, ATOMIC_BYTES);
    const isFilled = this.#memory.scatter(qp, local, old, 'lw');
    return isFilled === true ? DONE : h.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
  }

  /** Memory of the requester itself. */
  #lacksOwn(
    found: Absent | false | undefined,
    qp: QueuePair,
    request: SendRequest,
    work: Work,
  ): Verdict {
    return this.#paging.orWait(found, requestFault(qp, request, work), request, PROTECTED);
  }

  /** Memory of the far side. */
  #lacksTheirs(
    found: Absent | false | undefined,
    { qp, peer, request }: Exchange,
    span: Span,
    how: Parameters<typeof remoteFault>[2],
  ): Verdict {
    const refuse = () => this.#refuse(qp, peer, 'access');
    return this.#paging.orWait(found, remoteFault(peer, span, how), request, refuse);
  }

  #receiver(peer: QueuePair, { srqn }: SendRequest): Receiver | undefined {
    const { objects } = this.#parts;
    const isXrc = peer.type === h.MLX5_QPC_ST_XRC;
    return isXrc ? xrcReceiver(objects, peer, srqn) : receiverOf(objects, peer);
  }

  /**
   * A request that the far side cannot do ends the connection on both sides; there an event tells of it.
   * A receiver that is not reliable forgets it.
   */
  #refuse(qp: QueuePair, peer: QueuePair, what: 'request' | 'access'): Verdict {
    if (!qp.isReliable) return DONE;
    if (what === 'access') {
      this.#parts.failPeer(peer, h.MLX5_EVENT_TYPE_WQ_ACCESS_ERROR);
      return h.MLX5_CQE_SYNDROME_REMOTE_ACCESS_ERR;
    }
    this.#parts.failPeer(peer, h.MLX5_EVENT_TYPE_WQ_INVAL_REQ_ERROR);
    return h.MLX5_CQE_SYNDROME_REMOTE_INVAL_REQ_ERR;
  }

  #notReady(qp: QueuePair, peer: QueuePair): Verdict {
    return qp.isReliable ? notReady(qp, peer) : DONE;
  }

  #silence(qp: QueuePair): Verdict {
    return qp.isReliable ? noAnswer(qp) : DONE;
  }

  /** The queue pair at the other end, where it takes this one's packets. */
  #peerOf(qp: QueuePair): QueuePair | undefined {
    const { objects, link } = this.#parts;
    const peer = objects.qps.get(qp.get('remote_qpn'));
    if (peer === undefined || !isOwnPath(link, qp.path)) return undefined;
    if (peer.type !== qp.type || !canReceive(peer.state)) return undefined;
    if (peer.get('remote_qpn') !== qp.number) return undefined;
    // Where nothing is tried again, a gap in the numbers is a message that was lost.
    const isNext = peer.get('next_rcv_psn') === qp.get('next_send_psn');
    return isNext || !qp.isReliable ? peer : undefined;
  }

  #count(qp: QueuePair, peer: QueuePair, bytes: number): void {
    const packets = Math.max(1, Math.ceil(bytes / packetBytes(qp)));
    qp.advance('next_send_psn', packets);
    peer.advance('next_rcv_psn', packets);
  }
}
