import { type FlowRule, matches } from './flow-rules.ts';
import type { FlowTable } from './flow-tables.ts';
import * as h from './headers/ifc.ts';
import type { Objects } from './objects.ts';

/** A copy of a frame on its way to receive queues. */
export interface Copy {
  readonly tirn: number;
  /** Of the rule that sent it there. */
  readonly tag: number;
}

/** A frame meets no more tables than there are levels: they lead downwards alone. */
const MOST_TABLES = 255;

/** Where rules send a frame: from the root of its type, a copy for each destination. */
export class Steering {
  readonly #objects: Objects;

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  /** @param type FS_FT_… @param fields of the frame @param bytes its length, which is counted */
  follow(type: number, fields: Buffer, bytes: number): readonly Copy[] {
    return this.#visit(this.#objects.roots.get(type), fields, bytes, MOST_TABLES);
  }

  #visit(number: number | undefined, fields: Buffer, bytes: number, left: number): readonly Copy[] {
    const table = number === undefined ? undefined : this.#objects.tables.get(number);
    if (table === undefined || left === 0) return [];
    const rule = firstMatch(table, fields);
    if (rule === undefined) return this.#visit(table.next, fields, bytes, left - 1);
    this.#count(rule, bytes);
    if ((rule.action & h.MLX5_FLOW_CONTEXT_ACTION_FWD_DEST) === 0) return [];
    return rule.destinations.flatMap(({ kind, number: to }) =>
      kind === 'tir' ? [{ tirn: to, tag: rule.tag }] : this.#visit(to, fields, bytes, left - 1),
    );
  }

  #count({ action, counters }: FlowRule, bytes: number): void {
    if ((action & h.MLX5_FLOW_CONTEXT_ACTION_COUNT) === 0) return;
    for (const number of counters) {
      const counter = this.#objects.counters.get(number);
      if (counter === undefined) continue;
      counter.packets++;
      counter.bytes += BigInt(bytes);
    }
  }
}

/** In the order of their indices, which the driver gives out by groups. */
function firstMatch({ rules, groups }: FlowTable, fields: Buffer): FlowRule | undefined {
  for (const rule of rules) {
    const group = groups.get(rule.group);
    if (group !== undefined && matches(rule, group.criteria, fields)) return rule;
  }
  return undefined;
}
