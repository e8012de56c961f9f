import type { RdmaObject } from './contract-objects.ts';

/** Flow rules: what comes to a port, and what becomes of it. */

/** enum ib_flow_attr_type, by number. Source: include/rdma/ib_verbs.h */
export const FLOW_TYPES = ['normal', 'all-default', 'multicast-default', 'sniffer'] as const;

export type FlowType = (typeof FLOW_TYPES)[number];

export const FLOW_LAYERS = ['ethernet', 'ipv4', 'ipv6', 'tcp', 'udp'] as const;

export type FlowLayer = (typeof FLOW_LAYERS)[number];

/**
 * Fields of a layer, by their names in {@link FLOW_FIELDS}: numbers, or addresses as people write them.
 */
export type FlowFields = Readonly<Record<string, number | string>>;

/** Of each layer, in the order of the struct: struct ib_uverbs_flow_*_filter of ib_user_verbs.h. */
export const FLOW_FIELDS = {
  ethernet: ['destination', 'source', 'etherType', 'vlan'],
  ipv4: ['source', 'destination', 'protocol', 'tos', 'ttl', 'flags'],
  ipv6: ['source', 'destination', 'flowLabel', 'nextHeader', 'trafficClass', 'hopLimit'],
  tcp: ['destinationPort', 'sourcePort'],
  udp: ['destinationPort', 'sourcePort'],
} as const satisfies Readonly<Record<FlowLayer, readonly string[]>>;

/** A layer that is looked at, or what is done with what matches. */
export type FlowSpec =
  | {
      readonly layer: FlowLayer;
      readonly is: FlowFields;
      /** Bits of a field that count; all of them where it is not named. */
      readonly mask?: FlowFields;
    }
  | { readonly action: 'drop' }
  /** Packets, then bytes: the first two values of these counters. */
  | { readonly action: 'count'; readonly counters: RdmaObject };

/** A rule. Without specs it takes all that its type is of. */
export interface FlowRequest {
  readonly qp: RdmaObject;
  readonly port: number;
  /** Default: 'normal'. */
  readonly type?: FlowType;
  /** The lower goes first. Default: 0. */
  readonly priority?: number;
  readonly specs?: readonly FlowSpec[];
}

/** What of a packet chooses the WQ that gets it: packets that are equal in these go to the same one. */
export const HASH_FIELDS = [
  'ipv4-source',
  'ipv4-destination',
  'ipv6-source',
  'ipv6-destination',
  'tcp-source-port',
  'tcp-destination-port',
  'udp-source-port',
  'udp-destination-port',
] as const;

export type HashField = (typeof HASH_FIELDS)[number];

/** A QP that receives by a table of WQs and has no queues of its own. */
export interface Spread {
  readonly table: RdmaObject;
  readonly by: readonly HashField[];
}
