import { must } from '../refusal.ts';
import * as h from './headers/ifc.ts';

/** Where a frame that matches goes. */
export interface Destination {
  readonly kind: 'tir' | 'table';
  readonly number: number;
}

/** An entry of a table, as SET_FLOW_TABLE_ENTRY makes it. */
export interface FlowRule {
  readonly group: number;
  /** As a frame's fields are, which have to agree where the group's criteria say so. */
  readonly value: Buffer;
  /** MLX5_FLOW_CONTEXT_ACTION_… */
  action: number;
  /** Completions show it. */
  tag: number;
  destinations: readonly Destination[];
  counters: readonly number[];
}

const KINDS: Readonly<Record<number, Destination['kind']>> = {
  [h.MLX5_IFC_FLOW_DESTINATION_TYPE_TIR]: 'tir',
  [h.MLX5_IFC_FLOW_DESTINATION_TYPE_FLOW_TABLE]: 'table',
};

const DONE_HERE =
  h.MLX5_FLOW_CONTEXT_ACTION_ALLOW |
  h.MLX5_FLOW_CONTEXT_ACTION_DROP |
  h.MLX5_FLOW_CONTEXT_ACTION_FWD_DEST |
  h.MLX5_FLOW_CONTEXT_ACTION_COUNT;

/** Destinations, then counters: both lists have entries of this size. Source: fs_cmd.c, mlx5_cmd_set_fte() */
const LISTS = h.set_fte_in.byteOf('flow_context') + h.flow_context.sizeBytes;
const ENTRY_BYTES = h.dest_format_struct.sizeBytes;

export function ruleIn(input: Buffer): FlowRule {
  const context = h.set_fte_in.bytes(input, 'flow_context');
  const get = (field: Parameters<typeof h.flow_context.get>[1]) =>
    h.flow_context.get(context, field);
  must(get('extended_destination') === 0, 'destinations have no headers of their own');
  const action = get('action');
  must((action & ~DONE_HERE) === 0, `there is no action 0x${action.toString(16)}`);
  const destinations = get('destination_list_size');
  const counters = get('flow_counter_list_size');
  const end = LISTS + (destinations + counters) * ENTRY_BYTES;
  must(end <= input.length, 'the lists are longer than the command');
  const entryAt = (index: number) => input.subarray(LISTS + index * ENTRY_BYTES);
  return {
    group: get('group_id'),
    value: Buffer.from(h.flow_context.bytes(context, 'match_value')),
    action,
    tag: get('flow_tag'),
    destinations: Array.from({ length: destinations }, (_, i) => destinationOf(entryAt(i))),
    counters: Array.from({ length: counters }, (_, i) => entryAt(destinations + i).readUInt32BE(0)),
  };
}

function destinationOf(entry: Buffer): Destination {
  const type = h.dest_format_struct.get(entry, 'destination_type');
  const kind = KINDS[type];
  must(kind !== undefined, `there are no destinations of type ${type}`);
  return { kind: kind ?? 'tir', number: h.dest_format_struct.get(entry, 'destination_id') };
}

/** A change of what is done: what matches stays. @param mask bits of what is taken */
export function changeRule(rule: FlowRule, wanted: FlowRule, mask: number): void {
  const has = (bit: number) => (mask & (1 << bit)) !== 0;
  if (has(h.MLX5_SET_FTE_MODIFY_ENABLE_MASK_ACTION)) rule.action = wanted.action;
  if (has(h.MLX5_SET_FTE_MODIFY_ENABLE_MASK_FLOW_TAG)) rule.tag = wanted.tag;
  if (has(h.MLX5_SET_FTE_MODIFY_ENABLE_MASK_DESTINATION_LIST))
    rule.destinations = wanted.destinations;
  if (has(h.MLX5_SET_FTE_MODIFY_ENABLE_MASK_FLOW_COUNTERS)) rule.counters = wanted.counters;
}

/** @param criteria of the rule's group: bits that count */
export function matches({ value }: FlowRule, criteria: Buffer, fields: Buffer): boolean {
  for (let at = 0; at < criteria.length; at += 4) {
    const differing = value.readUInt32BE(at) ^ fields.readUInt32BE(at);
    if ((differing & criteria.readUInt32BE(at)) !== 0) return false;
  }
  return true;
}
