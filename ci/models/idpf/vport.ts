import { must } from '../refusal.ts';
import {
  VIRTCHNL2_QUEUE_TYPE_RX,
  VIRTCHNL2_QUEUE_TYPE_RX_BUFFER,
  VIRTCHNL2_QUEUE_TYPE_TX,
  VIRTCHNL2_QUEUE_TYPE_TX_COMPLETION,
  VIRTCHNL2_VPORT_ENABLE_RDMA,
  virtchnl2_create_vport,
  virtchnl2_queue_reg_chunk,
} from './headers/virtchnl2.ts';
import {
  MAC,
  MAX_FRAME_BYTES,
  QUEUE_TAIL_SPACING,
  QUEUE_TAILS,
  QUEUES,
  VPORT_ID,
} from './limits.ts';

/** Descriptors that the driver must have: include/linux/net/intel/virtchnl2_lan_desc.h, VIRTCHNL2_RXDID_2_FLEX_SPLITQ_M. */
const RECEIVE_DESCRIPTORS = 1n << 2n;
/** VIRTCHNL2_TXDID_FLEX_TSO_CTX and VIRTCHNL2_TXDID_FLEX_FLOW_SCHED (idpf_txrx.h, MIN_SUPPORT_TXDID). */
const TRANSMIT_DESCRIPTORS = (1n << 5n) | (1n << 12n);

interface Queues {
  readonly type: number;
  readonly count: number;
  readonly tails: number;
}

/** The only port, with as many queues as were asked for. Source: idpf_virtchnl.c, idpf_vport_init() */
export function describeVport(message: Buffer): Buffer {
  const asked = virtchnl2_create_vport.decode(message);
  must(asked.num_tx_q <= QUEUES.transmit, `${asked.num_tx_q} queues to transmit`);
  must(asked.num_rx_q <= QUEUES.receive, `${asked.num_rx_q} queues to receive`);
  const chunks = [
    { type: VIRTCHNL2_QUEUE_TYPE_TX, count: asked.num_tx_q, tails: QUEUE_TAILS.transmit },
    { type: VIRTCHNL2_QUEUE_TYPE_TX_COMPLETION, count: asked.num_tx_complq, tails: 0 },
    { type: VIRTCHNL2_QUEUE_TYPE_RX, count: asked.num_rx_q, tails: QUEUE_TAILS.receive },
    { type: VIRTCHNL2_QUEUE_TYPE_RX_BUFFER, count: asked.num_rx_bufq, tails: QUEUE_TAILS.buffers },
  ].map(describeQueues);
  const head = Buffer.from(message);
  virtchnl2_create_vport.set(head, 'max_mtu', MAX_FRAME_BYTES);
  virtchnl2_create_vport.set(head, 'vport_id', VPORT_ID);
  virtchnl2_create_vport.set(head, 'default_mac_addr', Buffer.from(MAC.replaceAll(':', ''), 'hex'));
  virtchnl2_create_vport.set(head, 'vport_flags', VIRTCHNL2_VPORT_ENABLE_RDMA);
  virtchnl2_create_vport.set(head, 'rx_desc_ids', RECEIVE_DESCRIPTORS);
  virtchnl2_create_vport.set(head, 'tx_desc_ids', TRANSMIT_DESCRIPTORS);
  virtchnl2_create_vport.set(head, 'rss_key_size', 52);
  virtchnl2_create_vport.set(head, 'rss_lut_size', 64);
  virtchnl2_create_vport.set(head, 'chunks.num_chunks', chunks.length);
  return Buffer.concat([head, ...chunks]);
}

function describeQueues({ type, count, tails }: Queues): Buffer {
  return virtchnl2_queue_reg_chunk.make({
    type,
    num_queues: count,
    qtail_reg_start: tails,
    qtail_reg_spacing: QUEUE_TAIL_SPACING,
  });
}
