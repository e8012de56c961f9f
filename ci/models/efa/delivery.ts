import {
  EFA_IO_COMP_STATUS_LOCAL_ERROR_BAD_LENGTH as BAD_LENGTH,
  EFA_IO_RDMA_READ,
  EFA_IO_RDMA_WRITE,
  EFA_IO_SEND,
  EFA_IO_COMP_STATUS_LOCAL_ERROR_INVALID_AH as INVALID_AH,
  EFA_IO_COMP_STATUS_LOCAL_ERROR_INVALID_LKEY as INVALID_LKEY,
  EFA_IO_COMP_STATUS_OK as OK,
  EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_ADDRESS as REMOTE_BAD_ADDRESS,
  EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_DEST_QPN as REMOTE_BAD_DEST_QPN,
  EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_LENGTH as REMOTE_BAD_LENGTH,
  EFA_IO_COMP_STATUS_REMOTE_ERROR_BAD_STATUS as REMOTE_BAD_STATUS,
  EFA_IO_COMP_STATUS_REMOTE_ERROR_UNKNOWN_PEER as REMOTE_UNKNOWN_PEER,
  EFA_IO_COMP_STATUS_LOCAL_ERROR_UNREACH_REMOTE as UNREACH_REMOTE,
  EFA_IO_COMP_STATUS_LOCAL_ERROR_UNSUPPORTED_OP as UNSUPPORTED_OP,
} from '../../../providers/rdma/efa/io-defs.ts';
import type { Host } from '../vfio-user/device.ts';
import { type Completions, UNKNOWN_AH } from './completions.ts';
import { countEvent } from './event-counters.ts';
import {
  EFA_ADMIN_REG_MR_CMD_LOCAL_WRITE_ENABLE_MASK as LOCAL_WRITE,
  EFA_ADMIN_REG_MR_CMD_REMOTE_READ_ENABLE_MASK as REMOTE_READ,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_REMOTE_READ_COMP_MASK as REMOTE_READ_DONE,
  EFA_ADMIN_REG_MR_CMD_REMOTE_WRITE_ENABLE_MASK as REMOTE_WRITE,
  EFA_ADMIN_EVENT_COUNTER_ATTACH_QP_EVENTS_REMOTE_WRITE_COMP_MASK as REMOTE_WRITE_DONE,
} from './headers/efa-admin-cmds-defs.ts';
import { KeyedMemory } from './keyed-memory.ts';
import { GID, LIMITS } from './limits.ts';
import type { AddressHandle, Objects, ProtectionDomain, QueuePair } from './objects.ts';
import { canReceive } from './queue-pair-states.ts';
import { takeReceive } from './receive-queue.ts';
import type { Statistics } from './statistics.ts';
import type { SendRequest, Span } from './work-requests.ts';

/** The status of the sender's completion, or that the receiver has no request posted. */
export type Verdict = number | 'not-ready';

/**
 * Before a datagram, and counted in its length: ibv_post_recv(3) has the data of UD 40 bytes behind the
 * start whether a header is there or not, and libfabric's prov/efa a prefix of so many bytes for
 * datagrams, which fi_cq(3) counts, with the length of the completion. No flag tells of a header, and
 * then the bytes are undefined: that they are zeros is a guess.
 */
const BEFORE_DATAGRAM = Buffer.alloc(40);

const lengthOf = (spans: readonly Span[]): number =>
  spans.reduce((all, { length }) => all + length, 0);

/**
 * Brings one request to its end. Statuses are those whose comments in efa_io_defs.h fit; where none
 * does, or two do, the choice is a guess and marked. An error ends its request and not the queue pair.
 */
export class Delivery {
  readonly #host: Host;
  readonly #getObjects: () => Objects;
  readonly #memory: KeyedMemory;
  readonly #statistics: Statistics;
  readonly #completions: Completions;

  constructor(
    host: Host,
    objects: () => Objects,
    statistics: Statistics,
    completions: Completions,
  ) {
    this.#host = host;
    this.#getObjects = objects;
    this.#memory = new KeyedMemory(host.memory);
    this.#statistics = statistics;
    this.#completions = completions;
  }

  get #objects(): Objects {
    return this.#getObjects();
  }

  deliver(qp: QueuePair, request: SendRequest): Verdict {
    const ah = this.#objects.ahs.get(request.destination.ah);
    if (ah === undefined || ah.pd !== qp.pd) return INVALID_AH;
    // UD has sends only: rdma-core, efa_check_qp_attr().
    if (!qp.isSrd && request.operation !== EFA_IO_SEND) return UNSUPPORTED_OP;
    switch (request.operation) {
      case EFA_IO_SEND:
        return this.#send(qp, request, ah);
      case EFA_IO_RDMA_READ:
        return this.#read(qp, request, ah);
      case EFA_IO_RDMA_WRITE:
        return this.#write(qp, request, ah);
      default:
        return UNSUPPORTED_OP;
    }
  }

  /** Counts a request that has ended. */
  count(operation: number, status: number): void {
    if (operation === EFA_IO_SEND) this.#statistics.sends++;
    if (operation === EFA_IO_RDMA_READ) this.#statistics.reads++;
    if (operation === EFA_IO_RDMA_WRITE) this.#statistics.writes++;
    if (status === OK) return;
    if (operation === EFA_IO_RDMA_READ) this.#statistics.readErrors++;
    if (operation === EFA_IO_RDMA_WRITE) this.#statistics.writeErrors++;
  }

  #send(qp: QueuePair, request: SendRequest, ah: AddressHandle): Verdict {
    const { inlineData, buffers } = request;
    const data = inlineData ?? this.#memory.gather(this.#objects, qp.pd, buffers);
    if (data === undefined) return INVALID_LKEY;
    if (data.length > LIMITS.mtu) return BAD_LENGTH;
    this.#statistics.sendBytes += data.length;
    this.#countPacket('tx', data.length);
    const peer = this.#peerOf(qp, request, ah);
    // A datagram is gone once it is sent.
    if (!qp.isSrd) return typeof peer === 'number' ? OK : this.#drop(peer, qp, request, data);
    return typeof peer === 'number' ? peer : this.#receive(peer, qp, request, data);
  }

  #drop(peer: QueuePair, qp: QueuePair, request: SendRequest, data: Buffer): Verdict {
    if (this.#receive(peer, qp, request, data) === 'not-ready') this.#statistics.rxDrops++;
    return OK;
  }

  /** The queue pair that is meant, or why there is none. */
  #peerOf(qp: QueuePair, request: SendRequest, { gid }: AddressHandle): QueuePair | number {
    if (!gid.equals(GID)) return UNREACH_REMOTE;
    const { qpn, qkey } = request.destination;
    const peer = this.#objects.qps.get(qpn % LIMITS.maxQp);
    if (peer?.number !== qpn || peer.isSrd !== qp.isSrd || !canReceive(peer.state)) {
      return REMOTE_BAD_DEST_QPN;
    }
    if (peer.qkey === qkey) return peer;
    // That SRD answers a wrong key as it does a wrong number is a guess.
    this.#statistics.qkeyViolations++;
    return REMOTE_BAD_DEST_QPN;
  }

  /** Puts data where the receiver's next request says. */
  #receive(peer: QueuePair, qp: QueuePair, request: SendRequest, data: Buffer): Verdict {
    const posted = takeReceive(this.#host.memory, peer);
    if (posted === undefined) return 'not-ready';
    const { requestId, spans } = posted;
    const bytes = peer.isSrd ? data : Buffer.concat([BEFORE_DATAGRAM, data]);
    const isFitting = lengthOf(spans) >= bytes.length;
    const isWritten =
      isFitting && this.#memory.scatter(this.#objects, peer.pd, spans, bytes, LOCAL_WRITE);
    // How the receiver is told of its own faults is a guess; its request is used up.
    const status = isWritten ? OK : isFitting ? INVALID_LKEY : BAD_LENGTH;
    this.#complete(peer, qp, request, requestId, status, isWritten ? bytes.length : 0);
    if (!isWritten) return isFitting ? REMOTE_BAD_STATUS : REMOTE_BAD_LENGTH;
    this.#statistics.recvs++;
    this.#statistics.recvBytes += data.length;
    this.#countPacket('rx', data.length);
    return OK;
  }

  #complete(
    peer: QueuePair,
    sender: QueuePair,
    { operation, immediate }: SendRequest,
    requestId: number | undefined,
    status: number,
    length: number,
  ): void {
    const ah = this.#handleOf(peer.pd)?.id ?? UNKNOWN_AH;
    this.#completions.received(peer, {
      requestId,
      status,
      operation,
      length,
      sender,
      ah,
      gid: GID,
      immediate,
    });
  }

  /** By which a domain knows this device, which is the sender of all that arrives. */
  #handleOf(pd: ProtectionDomain): AddressHandle | undefined {
    return this.#objects.ahs.find((ah) => ah.pd === pd && ah.gid.equals(GID));
  }

  /** The peer of an RDMA operation, or why there is none. */
  #rdmaPeer(qp: QueuePair, request: SendRequest, ah: AddressHandle): QueuePair | number {
    const peer = this.#peerOf(qp, request, ah);
    if (typeof peer === 'number') return peer;
    // "No valid AH at remote side": that it must be of the same domain is a guess.
    return this.#handleOf(peer.pd) === undefined ? REMOTE_UNKNOWN_PEER : peer;
  }

  #read(qp: QueuePair, request: SendRequest, ah: AddressHandle): Verdict {
    const { buffers, remote } = request;
    const objects = this.#objects;
    if (!this.#memory.allows(objects, qp.pd, buffers, LOCAL_WRITE)) return INVALID_LKEY;
    if (!isRdmaLength(request)) return BAD_LENGTH;
    const peer = this.#rdmaPeer(qp, request, ah);
    if (typeof peer === 'number') return peer;
    if (!this.#memory.allows(objects, peer.pd, [remote], REMOTE_READ)) return REMOTE_BAD_ADDRESS;
    const data = this.#memory.gather(objects, peer.pd, [remote]);
    if (data === undefined) return REMOTE_BAD_ADDRESS;
    if (!this.#memory.scatter(objects, qp.pd, buffers, data, LOCAL_WRITE)) return INVALID_LKEY;
    this.#statistics.readBytes += data.length;
    this.#statistics.readResponseBytes += data.length;
    countEvent(this.#host, peer, REMOTE_READ_DONE);
    return OK;
  }

  #write(qp: QueuePair, request: SendRequest, ah: AddressHandle): Verdict {
    const { buffers, remote, immediate } = request;
    const objects = this.#objects;
    const data = this.#memory.gather(objects, qp.pd, buffers);
    if (data === undefined) return INVALID_LKEY;
    if (!isRdmaLength(request)) return BAD_LENGTH;
    const peer = this.#rdmaPeer(qp, request, ah);
    if (typeof peer === 'number') return peer;
    if (!this.#memory.allows(objects, peer.pd, [remote], REMOTE_WRITE)) return REMOTE_BAD_ADDRESS;
    const isAnnounced = immediate !== undefined && !peer.hasUnsolicitedWrites;
    const posted = isAnnounced ? takeReceive(this.#host.memory, peer) : undefined;
    if (isAnnounced && posted === undefined) return 'not-ready';
    if (!this.#memory.scatter(objects, peer.pd, [remote], data, REMOTE_WRITE)) {
      return REMOTE_BAD_ADDRESS;
    }
    if (immediate !== undefined) {
      this.#complete(peer, qp, request, posted?.requestId, OK, data.length);
    }
    this.#statistics.writeBytes += data.length;
    this.#statistics.writeReceivedBytes += data.length;
    countEvent(this.#host, peer, REMOTE_WRITE_DONE);
    return OK;
  }

  #countPacket(direction: 'tx' | 'rx', bytes: number): void {
    this.#statistics[`${direction}Packets`]++;
    this.#statistics[`${direction}Bytes`] += bytes;
  }
}

/** The lengths of both sides agree, and are not more than the device moves at once. */
function isRdmaLength({ buffers, remote }: SendRequest): boolean {
  return remote.length === lengthOf(buffers) && remote.length <= LIMITS.maxRdmaBytes;
}
