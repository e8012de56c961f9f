import type { FlowFields, FlowLayer } from '../../providers/contract-flow.ts';
import { ipv4Bytes, ipv6Bytes } from '../../uapi/ip-address.ts';
import { macBytes } from '../../uapi/mac-address.ts';

/** A layer of a packet, with those fields that are not as they are by default. */
export interface FrameLayer {
  readonly layer: FlowLayer;
  readonly is: FlowFields;
}

/** For experiments on one link (IEEE 802), so no other host takes it for something. */
const LOCAL_EXPERIMENTAL = 0x88b5;
const VLAN_TAG = 0x8100;
const ETHER_TYPES: Readonly<Partial<Record<FlowLayer, number>>> = { ipv4: 0x0800, ipv6: 0x86dd };
const PROTOCOLS: Readonly<Partial<Record<FlowLayer, number>>> = { tcp: 6, udp: 17 };

/** What a layer is made with: `left` bytes of the packet begin with it. */
type Build = (field: Fields, next: FlowLayer | undefined, left: number) => Buffer;

/** The fields of a layer, or what they are by default. */
interface Fields {
  number(name: string, byDefault: number): number;
  text(name: string, byDefault: string): string;
}

/** Group and local addresses, so that a frame comes back and is nobody else's. */
const ethernet: Build = (field, next) => {
  const type = field.number('etherType', (next && ETHER_TYPES[next]) ?? LOCAL_EXPERIMENTAL);
  const vlan = field.number('vlan', 0);
  return Buffer.concat([
    macBytes(field.text('destination', '03:00:00:00:00:01')),
    macBytes(field.text('source', '02:00:00:00:00:0a')),
    ...(vlan === 0 ? [] : [words(VLAN_TAG, vlan)]),
    words(type),
  ]);
};

const ipv4: Build = (field, next, left) => {
  const tos = field.number('tos', 0);
  const ttl = field.number('ttl', 64);
  const protocol = field.number('protocol', (next && PROTOCOLS[next]) ?? 0);
  const flags = field.number('flags', 2) << 13;
  const head = Buffer.concat([
    words((0x45 << 8) | tos, left, 0, flags, (ttl << 8) | protocol, 0),
    ipv4Bytes(field.text('source', '10.0.0.1')),
    ipv4Bytes(field.text('destination', '10.0.0.2')),
  ]);
  head.writeUInt16BE(checksum(head), 10);
  return head;
};

const IPV6_BYTES = 40;

const ipv6: Build = (field, next, left) => {
  const trafficClass = field.number('trafficClass', 0);
  const label = field.number('flowLabel', 0);
  const nextHeader = field.number('nextHeader', (next && PROTOCOLS[next]) ?? 59);
  const first = (6 << 12) | (trafficClass << 4) | (label >>> 16);
  const limit = field.number('hopLimit', 64);
  return Buffer.concat([
    words(first, label & 0xffff, left - IPV6_BYTES, (nextHeader << 8) | limit),
    ipv6Bytes(field.text('source', 'fd00::1')),
    ipv6Bytes(field.text('destination', 'fd00::2')),
  ]);
};

const ports = (field: Fields) => [
  field.number('sourcePort', 1000),
  field.number('destinationPort', 2000),
];

/** Without a checksum. */
const udp: Build = (field, _next, left) => words(...ports(field), left, 0);

/** An acknowledgement; without a checksum. */
const tcp: Build = (field) => words(...ports(field), 0, 1, 0, 0, 0x5010, 1024, 0, 0);

const BUILDS: Readonly<Record<FlowLayer, Build>> = { ethernet, ipv4, ipv6, tcp, udp };

/** The head of a packet of these layers, which is `length` bytes long as a whole. */
export function frameHead(layers: readonly FrameLayer[], length: number): Buffer {
  let head = Buffer.alloc(0);
  for (const [index, { layer, is }] of layers.entries()) {
    const next = layers[index + 1]?.layer;
    head = Buffer.concat([head, BUILDS[layer](fieldsOf(is), next, length - head.length)]);
  }
  return head;
}

function fieldsOf(is: FlowFields): Fields {
  return {
    number: (name, byDefault) => Number(is[name] ?? byDefault),
    text: (name, byDefault) => String(is[name] ?? byDefault),
  };
}

/** Of 16 bits, in network order. */
function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value & 0xffff, 2 * i);
  return bytes;
}

/** Of the Internet's headers (RFC 1071). */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return 0xffff - sum;
}
