import type { Capabilities } from './capabilities.ts';
import { NUMBER } from './command.ts';
import { EVENT_BYTES } from './events.ts';
import * as h from './headers/ifc.ts';
import { Absent } from './keyed-memory.ts';
import type { Span } from './memory-keys.ts';
import { mayWait, type Service } from './on-demand.ts';
import { packetBytes, type QueuePair } from './queue-pairs.ts';
import type { Receiver } from './receivers.ts';
import type { Verdict } from './verdict.ts';
import type { SendRequest, Work } from './work-requests.ts';

/**
 * Pages that are not there: an event asks the driver for them, and a command says that it has brought them,
 * or cannot. Source: include/linux/mlx5/device.h, struct mlx5_eqe_page_fault; drivers/infiniband/hw/mlx5/odp.c
 */
const TYPE_SHIFT = 24;
const PACKET_LENGTH = 10;
const WQE = { index: 6, token: 12, queue: 24 } as const;
const RDMA = { key: 4, length: 12, address: 16, token: 24 } as const;
const MOST_PACKET = 0xffff;

/** Of a request that waits for pages; nothing of it is done (bytes_committed is 0), so that it begins anew. */
export interface PageFault {
  readonly why: 'page-fault';
  /** The QP that lacks them: of a request from afar it is not the one whose request waits. */
  readonly qp: QueuePair;
  /** MLX5_WQE_PF_TYPE_…, or bits of MLX5_PFAULT_… where a remote key names the memory. */
  readonly type: number;
  /** MLX5_PFAULT_SUBTYPE_… */
  readonly subtype: number;
  readonly service: Service;
  readonly event: Buffer;
}

/** The driver's answer. That tokens are numbers of QPs is a guess, which its messages make too. */
export interface Resumption {
  readonly qpn: number;
  readonly type: number;
  readonly isError: boolean;
}

export function resumptionIn(input: Buffer): Resumption {
  const info = input.subarray(NUMBER);
  return {
    qpn: h.trans_page_fault_info.get(info, 'fault_token'),
    type: h.trans_page_fault_info.get(info, 'page_fault_type'),
    isError: h.trans_page_fault_info.get(info, 'error') === 1,
  };
}

/** Of the memory of a request's own QP. */
export function requestFault(qp: QueuePair, { index }: SendRequest, { kind }: Work): PageFault {
  const isPull = kind === 'read' || kind === 'atomic';
  const type = isPull
    ? h.MLX5_WQE_PF_TYPE_REQ_READ_OR_ATOMIC
    : h.MLX5_WQE_PF_TYPE_REQ_SEND_OR_WRITE;
  const service = isPull || kind === 'write' ? kind : 'send';
  return queueFault(qp, { type, service, queue: qp.number, index, length: 0 });
}

/** Of a receive's memory; which receive of shared ones it is, their queue says. */
export function receiveFault({ qp, srqn }: Receiver, index: number, length: number): PageFault {
  const of = { queue: srqn ?? qp.number, index, length: packetOf(qp, length) };
  return srqn === undefined
    ? queueFault(qp, { ...of, type: h.MLX5_WQE_PF_TYPE_RESP, service: 'receive' })
    : queueFault(qp, { ...of, type: h.MLX5_WQE_PF_TYPE_RMP, service: 'srq_receive' });
}

interface OfQueue extends Pick<PageFault, 'type' | 'service'> {
  readonly queue: number;
  readonly index: number;
  readonly length: number;
}

function queueFault(qp: QueuePair, { type, service, queue, index, length }: OfQueue): PageFault {
  const event = Buffer.alloc(EVENT_BYTES);
  event.writeUInt16BE(index, WQE.index);
  event.writeUInt16BE(length, PACKET_LENGTH);
  event.writeUInt32BE(qp.number, WQE.token);
  event.writeUInt32BE(typed(type, queue), WQE.queue);
  const subtype = h.MLX5_PFAULT_SUBTYPE_WQE;
  return { why: 'page-fault', qp, type, subtype, service, event };
}

/** Of memory that a request from afar names. */
export function remoteFault(
  qp: QueuePair,
  { key, address, length }: Span,
  service: 'write' | 'read' | 'atomic',
): PageFault {
  const type = h.MLX5_PFAULT_RDMA | (service === 'read' ? 0 : h.MLX5_PFAULT_WRITE);
  const event = Buffer.alloc(EVENT_BYTES);
  event.writeUInt32BE(key, RDMA.key);
  event.writeUInt16BE(packetOf(qp, length), PACKET_LENGTH);
  event.writeUInt32BE(length, RDMA.length);
  event.writeBigUInt64BE(address, RDMA.address);
  event.writeUInt32BE(typed(type, qp.number), RDMA.token);
  const subtype = h.MLX5_PFAULT_SUBTYPE_RDMA;
  return { why: 'page-fault', qp, type, subtype, service, event };
}

const typed = (type: number, number: number): number => ((type << TYPE_SHIFT) | number) >>> 0;

const packetOf = (qp: QueuePair, length: number): number =>
  Math.min(length, packetBytes(qp), MOST_PACKET);

/** A request that does not reach memory: it waits where pages are missing that somebody may bring, and else fails. */
export class Paging {
  readonly #capabilities: Capabilities;

  constructor(capabilities: Capabilities) {
    this.#capabilities = capabilities;
  }

  /** @param found what was found in place of the memory */
  orWait(
    found: Absent | false | undefined,
    fault: PageFault,
    { deniedFault }: SendRequest,
    refuse: () => Verdict,
  ): Verdict {
    const { qp, service, type } = fault;
    const mayCome = found instanceof Absent && deniedFault !== type;
    return mayCome && mayWait(this.#capabilities.onDemand, qp.type, service) ? fault : refuse();
  }
}
