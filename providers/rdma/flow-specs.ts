import type { AnyStruct } from '../../uapi/description.ts';
import * as h from '../../uapi/headers/rdma/ib-user-verbs.ts';
import { ipv4Bytes, ipv6Bytes } from '../../uapi/ip-address.ts';
import { macBytes } from '../../uapi/mac-address.ts';
import type { FLOW_FIELDS, FlowFields, FlowLayer, FlowSpec } from '../contract-flow.ts';

/** What a flow rule looks at and what it does, as the kernel reads it: a struct for each, in a row. */

/** IB_FLOW_SPEC_ACTION_*. No header of the uAPI has them. Source: include/rdma/ib_verbs.h */
const ACTION = { drop: 0x1001, count: 0x1003 } as const;

type Form = 'number' | 'mac' | 'ipv4' | 'ipv6';

interface Field {
  /** Of the struct's filter. */
  readonly member: string;
  /** Default: number. */
  readonly form?: Form;
  /** Of a number, where not all that its bytes have are taken. */
  readonly bits?: number;
}

interface Layer {
  /** IB_FLOW_SPEC_*, of include/rdma/ib_verbs.h as well. */
  readonly type: number;
  readonly struct: { readonly size: number };
  readonly fields: Readonly<Record<string, Field>>;
}

const PORTS = {
  destinationPort: { member: 'dst_port' },
  sourcePort: { member: 'src_port' },
} as const;

type LayersOf = {
  readonly [L in FlowLayer]: Layer & {
    readonly fields: Readonly<Record<(typeof FLOW_FIELDS)[L][number], Field>>;
  };
};

const LAYERS: LayersOf = {
  ethernet: {
    type: 0x20,
    struct: h.ib_uverbs_flow_spec_eth,
    fields: {
      destination: { member: 'dst_mac', form: 'mac' },
      source: { member: 'src_mac', form: 'mac' },
      etherType: { member: 'ether_type' },
      vlan: { member: 'vlan_tag' },
    },
  },
  ipv4: {
    type: 0x30,
    struct: h.ib_uverbs_flow_spec_ipv4,
    fields: {
      source: { member: 'src_ip', form: 'ipv4' },
      destination: { member: 'dst_ip', form: 'ipv4' },
      protocol: { member: 'proto' },
      tos: { member: 'tos' },
      ttl: { member: 'ttl' },
      flags: { member: 'flags' },
    },
  },
  ipv6: {
    type: 0x31,
    struct: h.ib_uverbs_flow_spec_ipv6,
    fields: {
      source: { member: 'src_ip', form: 'ipv6' },
      destination: { member: 'dst_ip', form: 'ipv6' },
      // More bits are EINVAL, in the mask too: ib_uverbs_kern_spec_to_ib_spec_filter().
      flowLabel: { member: 'flow_label', bits: 20 },
      nextHeader: { member: 'next_hdr' },
      trafficClass: { member: 'traffic_class' },
      hopLimit: { member: 'hop_limit' },
    },
  },
  tcp: { type: 0x40, struct: h.ib_uverbs_flow_spec_tcp_udp, fields: PORTS },
  udp: { type: 0x41, struct: h.ib_uverbs_flow_spec_tcp_udp, fields: PORTS },
};

/**
 * One struct. All have sizes of whole words of 8 bytes, as extended commands want it.
 * Source: uverbs_cmd.c, kern_spec_to_ib_spec_action(), kern_spec_to_ib_spec_filter()
 */
export function encodeFlowSpec(spec: FlowSpec): Buffer {
  if ('layer' in spec) return encodeLayer(spec.layer, spec.is, spec.mask ?? {});
  if (spec.action === 'drop') {
    const struct = h.ib_uverbs_flow_spec_action_drop;
    return struct.make({ type: ACTION.drop, size: struct.size });
  }
  const struct = h.ib_uverbs_flow_spec_action_count;
  const { handle } = spec.counters;
  return struct.make({ type: ACTION.count, size: struct.size, handle });
}

/** A field that only the mask names has to be zero in these bits. */
function encodeLayer(layer: FlowLayer, is: FlowFields, mask: FlowFields): Buffer {
  const { type } = LAYERS[layer];
  const struct = LAYERS[layer].struct as AnyStruct;
  const spec = struct.make({ type, size: struct.size });
  const put = (part: 'val' | 'mask', name: string, value: number | string | undefined) => {
    const field = fieldOf(layer, name);
    const { offset, size } = struct.field(`${part}.${field.member}`);
    const bytes = value === undefined ? ones(field, size) : encoded(value, field, size);
    if (bytes === undefined) throw new TypeError(complaint(`${layer}.${name}`, value, field, size));
    spec.set(bytes, offset);
  };
  for (const [name, value] of Object.entries(is)) {
    put('val', name, value);
    put('mask', name, mask[name]);
  }
  for (const [name, value] of Object.entries(mask)) put('mask', name, value);
  return spec;
}

function fieldOf(layer: FlowLayer, name: string): Field {
  const fields: Layer['fields'] = LAYERS[layer].fields;
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field !== undefined) return field;
  throw new TypeError(`${layer} has no field '${name}'; it has: ${Object.keys(fields).join(', ')}`);
}

function ones(field: Field, size: number): Buffer {
  return field.bits === undefined ? Buffer.alloc(size, 0xff) : bigEndian(2 ** field.bits - 1, size);
}

/** The highest byte first, as in packets. */
function bigEndian(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
}

/** Addresses are numbers too, but for those that no number holds. */
function encoded(value: number | string, field: Field, size: number): Buffer | undefined {
  const { form = 'number' } = field;
  if (typeof value === 'string') return form === 'number' ? undefined : addressBytes(value, form);
  const isInRange = Number.isInteger(value) && value >= 0 && value < 2 ** bitsOf(field, size);
  return isInRange && form !== 'ipv6' ? bigEndian(value, size) : undefined;
}

function bitsOf({ bits }: Field, size: number): number {
  return bits ?? 8 * size;
}

const ADDRESSES = { mac: macBytes, ipv4: ipv4Bytes, ipv6: ipv6Bytes } as const;

function addressBytes(text: string, form: keyof typeof ADDRESSES): Buffer | undefined {
  try {
    return ADDRESSES[form](text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return undefined;
  }
}

const WANTED: Readonly<Record<Exclude<Form, 'number'>, string>> = {
  mac: 'a MAC address: write 02:00:00:00:00:01',
  ipv4: 'an IPv4 address: write 10.0.0.1',
  ipv6: 'an IPv6 address: write fd00::1',
};

function complaint(name: string, value: unknown, field: Field, size: number): string {
  const { form = 'number' } = field;
  const wanted = form === 'number' ? `a number of ${bitsOf(field, size)} bits` : WANTED[form];
  return `${name}: '${value}' is not ${wanted}`;
}
