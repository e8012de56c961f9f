import { E } from '../../../uapi/errno.ts';
import * as h from '../../../uapi/headers/rdma/mlx5-abi.ts';
import {
  type DriverData,
  type HashField,
  type Posted,
  postEach,
  type QpQueues,
  type Spread,
} from '../driver.ts';
import { LOOPS_FRAMES } from './frames.ts';

/** QPs that spread what comes over work queues, by a hash of its headers. */

const FIELD_BITS: Readonly<Record<HashField, number>> = {
  'ipv4-source': h.MLX5_RX_HASH_SRC_IPV4,
  'ipv4-destination': h.MLX5_RX_HASH_DST_IPV4,
  'ipv6-source': h.MLX5_RX_HASH_SRC_IPV6,
  'ipv6-destination': h.MLX5_RX_HASH_DST_IPV6,
  'tcp-source-port': h.MLX5_RX_HASH_SRC_PORT_TCP,
  'tcp-destination-port': h.MLX5_RX_HASH_DST_PORT_TCP,
  'udp-source-port': h.MLX5_RX_HASH_SRC_PORT_UDP,
  'udp-destination-port': h.MLX5_RX_HASH_DST_PORT_UDP,
};

/** The key of Microsoft's documentation ("Verifying the RSS Hash Calculation"), which has hashes to compare with. */
export const HASH_KEY: readonly number[] = [
  ...Buffer.from('6d5a56da255b0ec24167253d43a38fb0d0ca2bcb', 'hex'),
  ...Buffer.from('ae7b30b477cb2da38030f20c6a42b73bbeac01fa', 'hex'),
];

/** Source: qp.c, create_rss_raw_qp_tir(), process_udata_size() */
export function spreadData({ by }: Spread): DriverData {
  const bits = by.reduce((mask, field) => mask | FIELD_BITS[field], 0);
  const input = h.mlx5_ib_create_qp_rss.make({
    rx_hash_fields_mask: BigInt(bits),
    rx_hash_function: h.MLX5_RX_HASH_FUNC_TOEPLITZ,
    rx_key_len: HASH_KEY.length,
    rx_hash_key: [...HASH_KEY],
    flags: LOOPS_FRAMES,
  });
  return { input, outputSize: h.mlx5_ib_create_qp_resp.size };
}

function refuse(requests: readonly unknown[]): Posted {
  return postEach(requests, () => E.EINVAL);
}

/** Such a QP receives into its WQs and sends nothing: no request has a place in it. */
export const NO_RINGS: QpQueues = {
  send: { post: refuse, ring() {}, close() {} },
  receive: { post: refuse, close() {} },
};
