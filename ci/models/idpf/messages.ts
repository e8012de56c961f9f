import { must, Refusal } from '../refusal.ts';
import { PF_GLINT_BASE } from './headers/idpf-lan-pf-regs.ts';
import {
  VIRTCHNL2_CAP_LAN_MEMORY_REGIONS,
  VIRTCHNL2_CAP_RDMA,
  VIRTCHNL2_EVENT_LINK_CHANGE,
  VIRTCHNL2_OP_ADD_MAC_ADDR,
  VIRTCHNL2_OP_ALLOC_VECTORS,
  VIRTCHNL2_OP_CONFIG_PROMISCUOUS_MODE,
  VIRTCHNL2_OP_CONFIG_RX_QUEUES,
  VIRTCHNL2_OP_CONFIG_TX_QUEUES,
  VIRTCHNL2_OP_CREATE_VPORT,
  VIRTCHNL2_OP_DEALLOC_VECTORS,
  VIRTCHNL2_OP_DEL_MAC_ADDR,
  VIRTCHNL2_OP_DESTROY_VPORT,
  VIRTCHNL2_OP_DISABLE_QUEUES,
  VIRTCHNL2_OP_DISABLE_VPORT,
  VIRTCHNL2_OP_ENABLE_QUEUES,
  VIRTCHNL2_OP_ENABLE_VPORT,
  VIRTCHNL2_OP_EVENT,
  VIRTCHNL2_OP_GET_CAPS,
  VIRTCHNL2_OP_GET_LAN_MEMORY_REGIONS,
  VIRTCHNL2_OP_GET_PTYPE_INFO,
  VIRTCHNL2_OP_GET_STATS,
  VIRTCHNL2_OP_MAP_QUEUE_VECTOR,
  VIRTCHNL2_OP_RDMA,
  VIRTCHNL2_OP_SET_RSS_KEY,
  VIRTCHNL2_OP_SET_RSS_LUT,
  VIRTCHNL2_OP_UNMAP_QUEUE_VECTOR,
  VIRTCHNL2_OP_VERSION,
  VIRTCHNL2_VERSION_MAJOR_2,
  VIRTCHNL2_VERSION_MINOR_0,
  virtchnl2_alloc_vectors,
  virtchnl2_event,
  virtchnl2_get_capabilities,
  virtchnl2_get_lan_memory_regions,
  virtchnl2_get_ptype_info,
  virtchnl2_mem_region,
  virtchnl2_ptype,
  virtchnl2_vector_chunk,
  virtchnl2_version_info,
  virtchnl2_vport,
} from './headers/virtchnl2.ts';
import {
  LINK_SPEED_MBPS,
  MEMORY_REGIONS,
  QUEUES,
  VECTOR_SPACING,
  VECTORS,
  VPORT_ID,
} from './limits.ts';
import { describeVport } from './vport.ts';

/** What messages reach beside their answers. */
export interface ControlPlane {
  /** A message without a question. */
  tell(opcode: number, data: Buffer): void;
  /** A message of the RDMA driver, which it does not look into. @throws Refusal */
  askRdma(message: Buffer): Buffer;
}

type Handler = (message: Buffer, plane: ControlPlane) => Buffer;

/** No message of packets lasts: there are no packets. What the driver asks for is granted. */
const grant: Handler = (message) => message;

const HANDLERS: Readonly<Record<number, Handler>> = {
  [VIRTCHNL2_OP_VERSION]: () =>
    virtchnl2_version_info.make({
      major: VIRTCHNL2_VERSION_MAJOR_2,
      minor: VIRTCHNL2_VERSION_MINOR_0,
    }),
  [VIRTCHNL2_OP_GET_CAPS]: getCapabilities,
  [VIRTCHNL2_OP_GET_LAN_MEMORY_REGIONS]: getMemoryRegions,
  [VIRTCHNL2_OP_ALLOC_VECTORS]: allocateVectors,
  [VIRTCHNL2_OP_DEALLOC_VECTORS]: grant,
  [VIRTCHNL2_OP_GET_PTYPE_INFO]: getPacketTypes,
  [VIRTCHNL2_OP_CREATE_VPORT]: describeVport,
  [VIRTCHNL2_OP_DESTROY_VPORT]: ofVport,
  [VIRTCHNL2_OP_ENABLE_VPORT]: enableVport,
  [VIRTCHNL2_OP_DISABLE_VPORT]: ofVport,
  [VIRTCHNL2_OP_CONFIG_TX_QUEUES]: ofVport,
  [VIRTCHNL2_OP_CONFIG_RX_QUEUES]: ofVport,
  [VIRTCHNL2_OP_ENABLE_QUEUES]: ofVport,
  [VIRTCHNL2_OP_DISABLE_QUEUES]: ofVport,
  [VIRTCHNL2_OP_MAP_QUEUE_VECTOR]: ofVport,
  [VIRTCHNL2_OP_UNMAP_QUEUE_VECTOR]: ofVport,
  [VIRTCHNL2_OP_SET_RSS_LUT]: ofVport,
  [VIRTCHNL2_OP_SET_RSS_KEY]: ofVport,
  [VIRTCHNL2_OP_ADD_MAC_ADDR]: ofVport,
  [VIRTCHNL2_OP_DEL_MAC_ADDR]: ofVport,
  [VIRTCHNL2_OP_CONFIG_PROMISCUOUS_MODE]: ofVport,
  // All counts are zeros, which is what the driver sends.
  [VIRTCHNL2_OP_GET_STATS]: ofVport,
  [VIRTCHNL2_OP_RDMA]: (message, plane) => plane.askRdma(message),
};

/** @throws Refusal */
export function answerMessage(opcode: number, message: Buffer, plane: ControlPlane): Buffer {
  const handler = HANDLERS[opcode];
  if (handler === undefined) throw new Refusal('opcode', 'there is no such message');
  return handler(message, plane);
}

/** Of what the driver asks for, all that needs no packets. Source: idpf_virtchnl.c, idpf_send_get_caps_msg() */
function getCapabilities(message: Buffer): Buffer {
  const wanted = virtchnl2_get_capabilities.get(message, 'other_caps');
  const offered = BigInt(VIRTCHNL2_CAP_RDMA | VIRTCHNL2_CAP_LAN_MEMORY_REGIONS);
  return virtchnl2_get_capabilities.make({
    other_caps: wanted & offered,
    mailbox_dyn_ctl: PF_GLINT_BASE + VECTORS.mailbox * VECTOR_SPACING,
    mailbox_vector_id: VECTORS.mailbox,
    num_allocated_vectors: VECTORS.all,
    num_rdma_allocated_vectors: VECTORS.rdma,
    max_rx_q: QUEUES.receive,
    max_tx_q: QUEUES.transmit,
    max_rx_bufq: QUEUES.buffers,
    max_tx_complq: QUEUES.completions,
    max_vports: 1,
    default_num_vports: 1,
    max_tx_hdr_size: 128,
    max_sg_bufs_per_tx_pkt: 10,
  });
}

function getMemoryRegions(): Buffer {
  const head = virtchnl2_get_lan_memory_regions.make({
    num_memory_regions: MEMORY_REGIONS.length,
  });
  const regions = MEMORY_REGIONS.map(({ start, bytes }) =>
    virtchnl2_mem_region.make({ start_offset: start, size: bytes }),
  );
  return Buffer.concat([head, ...regions]);
}

/** All vectors but that of the mailbox, which follows them. */
function allocateVectors(message: Buffer): Buffer {
  const wanted = virtchnl2_alloc_vectors.get(message, 'num_vectors');
  must(wanted < VECTORS.all, `${wanted} vectors`);
  const first = VECTORS.mailbox + 1;
  const head = virtchnl2_alloc_vectors.make({ num_vectors: wanted, vchunks: { num_vchunks: 1 } });
  const control = PF_GLINT_BASE + first * VECTOR_SPACING;
  const chunk = virtchnl2_vector_chunk.make({
    start_vector_id: first,
    num_vectors: wanted,
    dynctl_reg_start: control,
    dynctl_reg_spacing: VECTOR_SPACING,
    itrn_reg_start: control + 4,
    itrn_reg_spacing: VECTOR_SPACING,
    itrn_index_spacing: 4,
  });
  return Buffer.concat([head, chunk]);
}

/** No types: the list is its own end. */
function getPacketTypes(): Buffer {
  const head = virtchnl2_get_ptype_info.make({ num_ptypes: 1 });
  return Buffer.concat([head, virtchnl2_ptype.make({ ptype_id_10: 0xffff, ptype_id_8: 0xff })]);
}

/** The link comes with the port. It is told first, since the driver waits for the answer alone. */
function enableVport(message: Buffer, plane: ControlPlane): Buffer {
  ofVport(message);
  const event = virtchnl2_event.make({
    event: VIRTCHNL2_EVENT_LINK_CHANGE,
    link_speed: LINK_SPEED_MBPS,
    vport_id: VPORT_ID,
    link_status: 1,
  });
  plane.tell(VIRTCHNL2_OP_EVENT, event);
  return message;
}

/** All messages that concern a port begin with its number. */
function ofVport(message: Buffer): Buffer {
  const id = virtchnl2_vport.get(message, 'vport_id');
  must(id === VPORT_ID, `there is no port ${id}`);
  return message;
}
