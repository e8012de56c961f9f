import { PROTOCOL } from './frame-fields.ts';
import * as h from './headers/ifc.ts';
import type { Objects } from './objects.ts';
import type { ReceiveQueue } from './packet-queues.ts';

/** Behind the head of a table of RQs: words with a number each. Source: struct mlx5_ifc_rq_num_bits */
const NUMBERS = h.rqtc.sizeBytes;
const NUMBER_BYTES = 4;
const KEY_BYTES = 40;

/** The queue that a TIR gives a frame to: always one, or one of many by what is in its headers. */
export function queueOf(
  { rqs, rqts }: Objects,
  tir: Buffer,
  fields: Buffer,
): ReceiveQueue | undefined {
  if (h.tirc.get(tir, 'disp_type') === h.MLX5_TIRC_DISP_TYPE_DIRECT)
    return rqs.get(h.tirc.get(tir, 'inline_rqn'));
  const table = rqts.get(h.tirc.get(tir, 'indirect_table'));
  if (table === undefined) return undefined;
  const index = hashOf(tir, fields) % h.rqtc.get(table, 'rqt_actual_size');
  return rqs.get(table.readUInt32BE(NUMBERS + index * NUMBER_BYTES) & 0xff_ffff);
}

/** Without a hash, or where a frame has none of what is hashed, 0: the first queue of the table. */
function hashOf(tir: Buffer, fields: Buffer): number {
  if (h.tirc.get(tir, 'rx_hash_fn') !== h.MLX5_RX_HASH_FN_TOEPLITZ) return 0;
  const at = h.tirc.byteOf('rx_hash_toeplitz_key');
  return toeplitz(tir.subarray(at, at + KEY_BYTES), hashedOf(tir, fields));
}

/** What is hashed, in the order that RSS has it: addresses, then ports. */
function hashedOf(tir: Buffer, fields: Buffer): Buffer {
  const select = h.tirc.bytes(tir, 'rx_hash_field_selector_outer');
  const selected = h.rx_hash_field_select.get(select, 'selected_fields');
  const isIpv6 = h.rx_hash_field_select.get(select, 'l3_prot_type') === h.MLX5_L3_PROT_TYPE_IPV6;
  const isUdp = h.rx_hash_field_select.get(select, 'l4_prot_type') === h.MLX5_L4_PROT_TYPE_UDP;
  const outer = h.fte_match_set_lyr_2_4;
  const hasAddresses = outer.get(fields, 'ip_version') === (isIpv6 ? 6 : 4);
  const hasPorts = outer.get(fields, 'ip_protocol') === (isUdp ? PROTOCOL.udp : PROTOCOL.tcp);
  const address = (field: 'src_ipv4_src_ipv6' | 'dst_ipv4_dst_ipv6') =>
    outer.bytes(fields, field).subarray(isIpv6 ? 0 : 12);
  const ports = isUdp
    ? (['udp_sport', 'udp_dport'] as const)
    : (['tcp_sport', 'tcp_dport'] as const);
  const parts = [
    [h.MLX5_HASH_FIELD_SEL_SRC_IP, hasAddresses, () => address('src_ipv4_src_ipv6')],
    [h.MLX5_HASH_FIELD_SEL_DST_IP, hasAddresses, () => address('dst_ipv4_dst_ipv6')],
    [h.MLX5_HASH_FIELD_SEL_L4_SPORT, hasPorts, () => outer.bytes(fields, ports[0])],
    [h.MLX5_HASH_FIELD_SEL_L4_DPORT, hasPorts, () => outer.bytes(fields, ports[1])],
  ] as const;
  const hashed = parts.filter(([bit, isThere]) => isThere && (selected & bit) !== 0);
  return Buffer.concat(hashed.map(([, , bytes]) => bytes()));
}

/** Each bit of the data that is set adds the 32 bits of the key that begin at its place. */
export function toeplitz(key: Buffer, data: Buffer): number {
  let hash = 0;
  for (let bit = 0; bit < 8 * data.length; bit++) {
    if (((data.readUInt8(bit >>> 3) << (bit & 7)) & 0x80) !== 0) hash ^= windowAt(key, bit);
  }
  return hash >>> 0;
}

function windowAt(key: Buffer, bit: number): number {
  const at = bit >>> 3;
  const shift = bit & 7;
  return (key.readUInt32BE(at) << shift) | (key.readUInt8(at + 4) >>> (8 - shift));
}
