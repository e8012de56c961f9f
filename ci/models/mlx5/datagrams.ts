import type { DeliveryParts } from './delivery.ts';
import * as h from './headers/ifc.ts';
import type { KeyedMemory } from './keyed-memory.ts';
import { isGroupLid, membersOf } from './multicast.ts';
import { canReceive } from './queue-pair-states.ts';
import type { QueuePair } from './queue-pairs.ts';
import { receiverOf } from './receivers.ts';
import { isOwn, OWN_GID } from './routes.ts';
import { DONE, type Verdict } from './verdict.ts';
import {
  type Address,
  type GlobalAddress,
  lengthOf,
  OWN_QKEY,
  type SendRequest,
  type Work,
} from './work-requests.ts';

/** In front of the data of each datagram that arrives: a global header, or room for one. */
const HEADER_BYTES = 40;
/** Of what the header tells the length: the headers of transport and datagram, and the checksum. */
const PACKET_BYTES = 12 + 8 + 4;
/** The next header is IB's own. */
const IBA = 0x1b;

const GENERAL_QPN = 1;
const GENERAL_QKEY = 0x8001_0000;

/** A datagram is gone once it is sent: whether anybody takes it, the sender is not told. */
export function deliverDatagram(
  parts: DeliveryParts,
  memory: KeyedMemory,
  qp: QueuePair,
  message: Message,
): Verdict {
  const { to } = message.work;
  if (to === undefined) return h.MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
  const sent = { ...message, qp, to };
  for (const peer of peersOf(parts, qp, to))
    if (isFor(peer, qp, to.qkey)) receive(parts, memory, peer, sent);
  return DONE;
}

function peersOf({ link, objects }: DeliveryParts, qp: QueuePair, to: Address): QueuePair[] {
  const gid = to.global?.gid;
  if (link === 'infiniband' && isGroupLid(to.lid) && gid !== undefined)
    return membersOf(objects, gid, qp);
  if (!isOwn(link, to.lid, gid)) return [];
  const all = to.qpn === GENERAL_QPN ? [...objects.qps.values()] : [objects.qps.get(to.qpn)];
  const isMeant = (one: QueuePair) => to.qpn !== GENERAL_QPN || one.isGeneral;
  return all.filter((one): one is QueuePair => one !== undefined && isMeant(one));
}

/** Datagrams with another key than the receiver's are not for it. */
function isFor(peer: QueuePair, qp: QueuePair, qkey: number): boolean {
  if (!peer.isDatagram || !canReceive(peer.state)) return false;
  const key = (qkey & OWN_QKEY) === 0 || qkey === GENERAL_QKEY ? qkey : qp.get('q_key');
  return key === (peer.isGeneral ? GENERAL_QKEY : peer.get('q_key'));
}

interface Message {
  readonly request: SendRequest;
  readonly work: Extract<Work, { kind: 'send' }>;
  readonly data: Buffer;
}

interface Sent extends Message {
  readonly qp: QueuePair;
  readonly to: Address;
}

/** As of any QP, a receive that fails is the end. */
function receive(
  { objects, completions, failPeer }: DeliveryParts,
  memory: KeyedMemory,
  peer: QueuePair,
  { qp, request, work, to, data }: Sent,
): void {
  const receiver = receiverOf(objects, peer);
  const posted = receiver.receives?.take();
  if (posted === undefined) return;
  const { index, spans = [] } = posted;
  const bytes = Buffer.concat([headerOf(to.global, data.length), data]);
  const isTooLong = bytes.length > lengthOf(spans);
  if (isTooLong || memory.scatter(receiver.who, spans, bytes, 'lw') !== true) {
    const syndrome = isTooLong
      ? h.MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR
      : h.MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
    completions.receiveFailed(receiver, index, syndrome);
    failPeer(peer);
    return;
  }
  completions.received(receiver, index, {
    isSolicited: request.isSolicited,
    length: bytes.length,
    immediate: work.immediate,
    sender: {
      qpn: senderOf(qp),
      serviceLevel: to.serviceLevel,
      isGlobal: to.global !== undefined,
    },
  });
}

/** Others may speak for the general one. Source: gsi.c, create_gsi_ud_qp() */
function senderOf(qp: QueuePair): number {
  return qp.isGeneral ? GENERAL_QPN : qp.get('deth_sqpn') || qp.number;
}

function headerOf(global: GlobalAddress | undefined, dataBytes: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  if (global === undefined) return header;
  header.writeUInt32BE(global.flow, 0);
  header.writeUInt16BE(PACKET_BYTES + Math.ceil(dataBytes / 4) * 4, 4);
  header.writeUInt8(IBA, 6);
  header.writeUInt8(global.hopLimit, 7);
  OWN_GID.copy(header, 8);
  global.gid.copy(header, 24);
  return header;
}
