import { must, mustFind } from '../refusal.ts';
import { answer, type Call, type Entries } from './command.ts';
import { changeRule, type FlowRule, ruleIn } from './flow-rules.ts';
import * as h from './headers/ifc.ts';
import type { Objects } from './objects.ts';
import { RuleList } from './rule-list.ts';
import { Table } from './table.ts';

/** Rules of one form: all look at the same bits. */
export interface FlowGroup {
  readonly first: number;
  readonly last: number;
  readonly criteria: Buffer;
}

/** Rules, of which the first that matches counts. */
export interface FlowTable {
  /** FS_FT_… */
  readonly type: number;
  readonly groups: Table<FlowGroup>;
  readonly rules: RuleList;
  /** Where frames go on that match none; undefined where that is their end. */
  next: number | undefined;
}

/**
 * Commands on tables name them by their type and number, and have both at the same place; groups are
 * named by theirs.
 */
const TYPE = h.modify_flow_table_in.byteOf('table_type');
const TABLE = 20;
const GROUP = 24;
/** Of op_mod. Source: fs_cmd.c, mlx5_cmd_update_root_ft(), mlx5_cmd_update_fte() */
const DISCONNECT = 1;
const CHANGE = 1;
/** MLX5_MODIFY_FLOW_TABLE_MISS_TABLE_ID */
const SELECTS_MISS = 1;

const typeIn = (input: Buffer): number => input.readUInt8(TYPE);

export function flowTables(objects: Objects): Entries {
  const { tables, roots } = objects;
  const find = ({ input }: Call) => {
    const table = tables.find(input.readUInt32BE(TABLE) & 0xff_ffff);
    must(table.type === typeIn(input), `the table is of type ${table.type}`);
    return table;
  };
  return [
    [h.MLX5_CMD_OP_CREATE_FLOW_TABLE, ({ input }) => answer(tables.add(() => tableIn(input)))],
    [h.MLX5_CMD_OP_MODIFY_FLOW_TABLE, (call) => modify(find(call), call)],
    [
      h.MLX5_CMD_OP_DESTROY_FLOW_TABLE,
      (call) => {
        find(call);
        tables.remove(call.input.readUInt32BE(TABLE) & 0xff_ffff);
        return undefined;
      },
    ],
    [
      h.MLX5_CMD_OP_SET_FLOW_TABLE_ROOT,
      (call) => {
        if (call.opMod === DISCONNECT) roots.delete(typeIn(call.input));
        else {
          find(call);
          roots.set(typeIn(call.input), call.input.readUInt32BE(TABLE) & 0xff_ffff);
        }
        return undefined;
      },
    ],
    [h.MLX5_CMD_OP_CREATE_FLOW_GROUP, (call) => createGroup(find(call), call)],
    [
      h.MLX5_CMD_OP_DESTROY_FLOW_GROUP,
      (call) => void find(call).groups.remove(call.input.readUInt32BE(GROUP)),
    ],
    [h.MLX5_CMD_OP_SET_FLOW_TABLE_ENTRY, (call) => setRule(objects, find(call), call)],
    [h.MLX5_CMD_OP_DELETE_FLOW_TABLE_ENTRY, (call) => deleteRule(find(call), call)],
  ];
}

function tableIn(input: Buffer): FlowTable {
  return {
    type: typeIn(input),
    groups: new Table<FlowGroup>('flow group', 0, 2 ** 20),
    rules: new RuleList(),
    next: nextIn(h.create_flow_table_in.bytes(input, 'flow_table_context')),
  };
}

function nextIn(context: Buffer): number | undefined {
  const action = h.flow_table_context.get(context, 'table_miss_action');
  const isThere = action === h.MLX5_FLOW_TABLE_MISS_ACTION_FWD;
  return isThere ? h.flow_table_context.get(context, 'table_miss_id') : undefined;
}

function modify(table: FlowTable, { input }: Call): undefined {
  const selected = h.modify_flow_table_in.get(input, 'modify_field_select');
  if ((selected & SELECTS_MISS) === 0) return;
  table.next = nextIn(h.modify_flow_table_in.bytes(input, 'flow_table_context'));
}

function createGroup({ groups }: FlowTable, { input }: Call): Buffer {
  const first = h.create_flow_group_in.get(input, 'start_flow_index');
  const last = h.create_flow_group_in.get(input, 'end_flow_index');
  must(first <= last, 'a group has at least one index');
  const criteria = Buffer.from(h.create_flow_group_in.bytes(input, 'match_criteria'));
  return answer(groups.add(() => ({ first, last, criteria })));
}

function setRule(objects: Objects, { groups, rules }: FlowTable, { input, opMod }: Call) {
  const index = h.set_fte_in.get(input, 'flow_index');
  const wanted = ruleIn(input);
  checkRule(objects, wanted);
  if (opMod === CHANGE) {
    const rule = mustFind(rules.get(index), `rule ${index}`);
    changeRule(rule, wanted, h.set_fte_in.get(input, 'modify_enable_mask'));
    return undefined;
  }
  const { first, last } = groups.find(wanted.group);
  must(index >= first && index <= last, `rule ${index} is not in the group's place`);
  must(rules.add(index, wanted), `there is a rule ${index}`);
  return undefined;
}

function checkRule({ tirs, tables, counters }: Objects, rule: FlowRule): void {
  for (const { kind, number } of rule.destinations)
    if (kind === 'tir') tirs.find(number);
    else tables.find(number);
  for (const number of rule.counters) counters.find(number);
}

function deleteRule({ rules }: FlowTable, { input }: Call): undefined {
  const index = h.delete_fte_in.get(input, 'flow_index');
  must(rules.delete(index), `there is no rule ${index}`);
}
