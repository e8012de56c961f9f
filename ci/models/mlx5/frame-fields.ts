import {
  flow_context,
  fte_match_set_misc as misc,
  fte_match_set_lyr_2_4 as outer,
} from './headers/ifc.ts';

/**
 * A frame as rules look at it: fields of its headers at the places of struct mlx5_ifc_fte_match_param_bits,
 * of which the first set is what this device knows, and one field of the second. What a frame has not got
 * is zero.
 */
export const FIELD_BYTES = flow_context.bytes(
  Buffer.alloc(flow_context.sizeBytes),
  'match_value',
).length;
const MISC = outer.sizeBytes;

const ADDRESS_BYTES = 6;
const HEADER_BYTES = 14;
const TAG_BYTES = 4;
const ETHER_TYPE = { ipv4: 0x0800, ipv6: 0x86dd, customerTag: 0x8100, serviceTag: 0x88a8 } as const;
export const PROTOCOL = { tcp: 6, udp: 17 } as const;

const IPV4 = {
  bytes: 20,
  tos: 1,
  fragment: 6,
  ttl: 8,
  protocol: 9,
  source: 12,
  target: 16,
} as const;
const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET = 0x1fff;
const IPV6 = { bytes: 40, next: 6, hopLimit: 7, source: 8, target: 24 } as const;
const TCP_BYTES = 20;
const TCP_FLAGS = 12;
const UDP_BYTES = 8;

export function fieldsOf(frame: Buffer): Buffer {
  const fields = Buffer.alloc(FIELD_BYTES);
  if (frame.length < HEADER_BYTES) return fields;
  frame.copy(fields, outer.byteOf('dmac_47_16'), 0, ADDRESS_BYTES);
  frame.copy(fields, outer.byteOf('smac_47_16'), ADDRESS_BYTES, 2 * ADDRESS_BYTES);
  const at = HEADER_BYTES + tagOf(frame, fields);
  const type = frame.readUInt16BE(at - 2);
  outer.set(fields, 'ethertype', type);
  const packet = frame.subarray(at);
  if (type === ETHER_TYPE.ipv4) addIpv4(fields, packet);
  else if (type === ETHER_TYPE.ipv6) addIpv6(fields, packet);
  return fields;
}

/** One tag of a VLAN; a second one is data. Returns the bytes that it takes. */
function tagOf(frame: Buffer, fields: Buffer): number {
  const type = frame.readUInt16BE(HEADER_BYTES - 2);
  const isCustomer = type === ETHER_TYPE.customerTag;
  if (!isCustomer && type !== ETHER_TYPE.serviceTag) return 0;
  if (frame.length < HEADER_BYTES + TAG_BYTES) return 0;
  outer.set(fields, isCustomer ? 'cvlan_tag' : 'svlan_tag', 1);
  const tag = frame.readUInt16BE(HEADER_BYTES);
  outer.set(fields, 'first_prio', tag >>> 13);
  outer.set(fields, 'first_cfi', (tag >>> 12) & 1);
  outer.set(fields, 'first_vid', tag & 0xfff);
  return TAG_BYTES;
}

function addIpv4(fields: Buffer, packet: Buffer): void {
  if (packet.length < IPV4.bytes || packet.readUInt8(0) >>> 4 !== 4) return;
  const words = packet.readUInt8(0) & 0xf;
  const fragment = packet.readUInt16BE(IPV4.fragment);
  outer.set(fields, 'ip_version', 4);
  outer.set(fields, 'ipv4_ihl', words);
  outer.set(fields, 'frag', (fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET)) === 0 ? 0 : 1);
  addCommon(fields, {
    service: packet.readUInt8(IPV4.tos),
    hops: packet.readUInt8(IPV4.ttl),
    protocol: packet.readUInt8(IPV4.protocol),
  });
  // At the end of where a longer address would be. Source: struct mlx5_ifc_ipv4_layout_bits
  packet.copy(fields, outer.byteOf('src_ipv4_src_ipv6') + 12, IPV4.source, IPV4.target);
  packet.copy(fields, outer.byteOf('dst_ipv4_dst_ipv6') + 12, IPV4.target, IPV4.bytes);
  if ((fragment & FRAGMENT_OFFSET) === 0) addPorts(fields, packet.subarray(4 * words));
}

/** What follows the header is looked at where it is no extension of it. */
function addIpv6(fields: Buffer, packet: Buffer): void {
  if (packet.length < IPV6.bytes || packet.readUInt8(0) >>> 4 !== 6) return;
  const first = packet.readUInt32BE(0);
  outer.set(fields, 'ip_version', 6);
  addCommon(fields, {
    service: (first >>> 20) & 0xff,
    hops: packet.readUInt8(IPV6.hopLimit),
    protocol: packet.readUInt8(IPV6.next),
  });
  misc.set(fields.subarray(MISC), 'outer_ipv6_flow_label', first & 0xf_ffff);
  packet.copy(fields, outer.byteOf('src_ipv4_src_ipv6'), IPV6.source, IPV6.target);
  packet.copy(fields, outer.byteOf('dst_ipv4_dst_ipv6'), IPV6.target, IPV6.bytes);
  addPorts(fields, packet.subarray(IPV6.bytes));
}

interface Common {
  readonly service: number;
  readonly hops: number;
  readonly protocol: number;
}

function addCommon(fields: Buffer, { service, hops, protocol }: Common): void {
  outer.set(fields, 'ip_dscp', service >>> 2);
  outer.set(fields, 'ip_ecn', service & 3);
  outer.set(fields, 'ttl_hoplimit', hops);
  outer.set(fields, 'ip_protocol', protocol);
}

function addPorts(fields: Buffer, segment: Buffer): void {
  const protocol = outer.get(fields, 'ip_protocol');
  if (protocol === PROTOCOL.tcp && segment.length >= TCP_BYTES) {
    outer.set(fields, 'tcp_sport', segment.readUInt16BE(0));
    outer.set(fields, 'tcp_dport', segment.readUInt16BE(2));
    outer.set(fields, 'tcp_flags', segment.readUInt16BE(TCP_FLAGS) & 0x1ff);
  } else if (protocol === PROTOCOL.udp && segment.length >= UDP_BYTES) {
    outer.set(fields, 'udp_sport', segment.readUInt16BE(0));
    outer.set(fields, 'udp_dport', segment.readUInt16BE(2));
  }
}
