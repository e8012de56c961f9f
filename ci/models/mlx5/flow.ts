import { answer, type Call, type Handler, NUMBER } from './command.ts';
import * as h from './headers/ifc.ts';
import { Table } from './table.ts';

/**
 * Tables of rules, kept as the driver makes them; no packet meets them. Commands on them name the table
 * by its type and number, groups in it by theirs.
 */
const TABLE = 20;
const GROUP = 24;
const FLOW_INDEX = 32;

type Entries = readonly (readonly [number, Handler])[];

interface FlowTable {
  readonly groups: Table<true>;
  /** By their indices. */
  readonly rules: Map<number, Buffer>;
}

const word = (input: Buffer, at: number): number => input.readUInt32BE(at) & 0xff_ffff;

/** @param counterValues what a counter counted: packets, bytes */
export function flowSteering(): Entries {
  const tables = new Table<FlowTable>('flow table', 1, 2 ** 14);
  const tableOf = ({ input }: Call) => tables.find(word(input, TABLE));
  const add = () => ({
    groups: new Table<true>('flow group', 0, 2 ** 20),
    rules: new Map<number, Buffer>(),
  });
  return [
    [h.MLX5_CMD_OP_CREATE_FLOW_TABLE, () => answer(tables.add(add))],
    [h.MLX5_CMD_OP_MODIFY_FLOW_TABLE, (call) => void tableOf(call)],
    [h.MLX5_CMD_OP_SET_FLOW_TABLE_ROOT, () => undefined],
    [h.MLX5_CMD_OP_DESTROY_FLOW_TABLE, ({ input }) => void tables.remove(word(input, TABLE))],
    [h.MLX5_CMD_OP_CREATE_FLOW_GROUP, (call) => answer(tableOf(call).groups.add(() => true))],
    [
      h.MLX5_CMD_OP_DESTROY_FLOW_GROUP,
      (call) => void tableOf(call).groups.remove(call.input.readUInt32BE(GROUP)),
    ],
    [
      h.MLX5_CMD_OP_SET_FLOW_TABLE_ENTRY,
      (call) => {
        const index = call.input.readUInt32BE(FLOW_INDEX);
        tableOf(call).rules.set(index, Buffer.from(call.input.subarray(NUMBER)));
        return undefined;
      },
    ],
    [
      h.MLX5_CMD_OP_DELETE_FLOW_TABLE_ENTRY,
      (call) => void tableOf(call).rules.delete(call.input.readUInt32BE(FLOW_INDEX)),
    ],
    // Nothing is counted where nothing comes by.
    [h.MLX5_CMD_OP_QUERY_FLOW_COUNTER, ({ outputBytes }) => Buffer.alloc(outputBytes)],
  ];
}
