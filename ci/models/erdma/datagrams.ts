import { type DeliveryParts, packetBytes, type Verdict } from './delivery.ts';
import {
  ERDMA_WC_RECV_WQE_FORMAT_ERR,
  ERDMA_WC_SEND_WQE_FORMAT_ERR,
  ERDMA_WC_SUCCESS,
} from './headers/erdma-hw.ts';
import type { KeyedMemory } from './keyed-memory.ts';
import { RIGHT } from './memory-regions.ts';
import type { Objects, QueuePair, Route } from './objects.ts';
import { canReceive } from './queue-pair-states.ts';
import { takeReceive } from './queues.ts';
import { isReachable } from './routes.ts';
import { LOCAL_STATUS, REMOTE_STATUS } from './status.ts';
import { type RequestHead, receiveOpcodeOf, type Work } from './work-requests.ts';

type Datagram = Extract<Work, { kind: 'send' }>;

/** What is before the data of each datagram that arrives, whatever the network is. */
const HEADER_BYTES = 40;
const IPV4_BYTES = 20;
const UDP = 17;

/**
 * A datagram is gone once it is sent: whether anybody takes it, the sender is not told. What an address
 * handle of another domain leads to is a guess.
 */
export function deliverDatagram(
  parts: DeliveryParts,
  memory: KeyedMemory,
  qp: QueuePair,
  work: Datagram,
  head: RequestHead,
): Verdict {
  const { payload, to } = work;
  const objects = parts.objects();
  const handle = objects.ahs.get(to.ah);
  if (handle === undefined || handle.pd !== qp.pd) return ERDMA_WC_SEND_WQE_FORMAT_ERR;
  const data = memory.payloadOf(qp, payload);
  if (typeof data === 'string') return LOCAL_STATUS[data];
  if (data.length > packetBytes(objects.mtu)) return ERDMA_WC_SEND_WQE_FORMAT_ERR;
  parts.statistics.sent(data.length, 1);
  const { route } = handle;
  const peer = isReachable(objects, route) ? receiverOf(objects, work) : undefined;
  const isTaken =
    peer !== undefined && receive(parts, memory, peer, { qp, route, work, data, head });
  if (isTaken) parts.statistics.received(data.length, 1);
  else parts.statistics.rxDrops++;
  return ERDMA_WC_SUCCESS;
}

/** Datagrams with another key than the receiver's are not for it. */
function receiverOf({ qps }: Objects, { to }: Datagram): QueuePair | undefined {
  const peer = qps.get(to.qpn);
  if (peer === undefined || !peer.isDatagram || !canReceive(peer.state)) return undefined;
  return peer.qkey === to.qkey ? peer : undefined;
}

interface Sent {
  readonly qp: QueuePair;
  readonly route: Route;
  readonly work: Datagram;
  readonly data: Buffer;
  readonly head: RequestHead;
}

/** A receive that does not fit is used up, and the queue pair goes on: a guess. */
function receive(
  { host, completions, objects }: DeliveryParts,
  memory: KeyedMemory,
  peer: QueuePair,
  { qp, route, work, data, head }: Sent,
): boolean {
  const posted = takeReceive(host.memory, peer);
  if (posted === undefined) return false;
  const { index, span } = posted;
  const source = objects().gids.get(route.sourceIndex);
  const bytes = Buffer.concat([networkHeader(route, source, data.length), data]);
  const fault = span === undefined ? 'bounds' : memory.scatter(peer, span, bytes, RIGHT.localWrite);
  const isGood = fault === undefined;
  const status =
    span === undefined
      ? ERDMA_WC_RECV_WQE_FORMAT_ERR
      : fault === undefined
        ? ERDMA_WC_SUCCESS
        : REMOTE_STATUS[fault];
  completions.received(
    peer,
    { opcode: receiveOpcodeOf(work), status, index, size: isGood ? bytes.length : 0 },
    {
      isSolicited: head.isSolicited,
      immediate: work.immediate,
      sender: { qpn: qp.number, route },
    },
  );
  return isGood;
}

/** A GRH, or an IPv4 header in the second half of its room (IBTA, RoCEv2 annex A17.4.5.2). */
function networkHeader(route: Route, source: Buffer | undefined, dataBytes: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const from = source ?? Buffer.alloc(16);
  if (route.isIpv6) {
    header.writeUInt32BE((0x6000_0000 | (route.trafficClass << 20) | route.flowLabel) >>> 0, 0);
    header.writeUInt16BE(dataBytes, 4);
    header.writeUInt8(UDP, 6);
    header.writeUInt8(route.hopLimit, 7);
    from.copy(header, 8);
    route.gid.copy(header, 24);
    return header;
  }
  const at = HEADER_BYTES - IPV4_BYTES;
  header.writeUInt8(0x45, at);
  header.writeUInt8(route.trafficClass, at + 1);
  header.writeUInt16BE(IPV4_BYTES + dataBytes, at + 2);
  header.writeUInt8(route.hopLimit, at + 8);
  header.writeUInt8(UDP, at + 9);
  from.copy(header, at + 12, 12);
  route.gid.copy(header, at + 16, 12);
  return header;
}
