import { answer, type Call, type Entries, numberIn } from './command.ts';
import * as h from './headers/ifc.ts';
import { FIRST_UAR, UARS } from './limits.ts';
import { Table } from './table.ts';

/**
 * Objects that the device keeps for the driver, and of which nothing happens without traffic: made
 * and destroyed. Commands of one kind have the same form for all.
 */
interface Kind {
  readonly name: string;
  readonly create: number;
  readonly destroy: number;
  readonly first?: number;
  readonly capacity: number;
}

const KINDS: readonly Kind[] = [
  {
    name: 'UAR',
    create: h.MLX5_CMD_OP_ALLOC_UAR,
    destroy: h.MLX5_CMD_OP_DEALLOC_UAR,
    first: FIRST_UAR,
    capacity: UARS,
  },
  {
    name: 'PD',
    create: h.MLX5_CMD_OP_ALLOC_PD,
    destroy: h.MLX5_CMD_OP_DEALLOC_PD,
    capacity: 2 ** 16,
  },
  {
    name: 'XRC domain',
    create: h.MLX5_CMD_OP_ALLOC_XRCD,
    destroy: h.MLX5_CMD_OP_DEALLOC_XRCD,
    capacity: 2 ** 16,
  },
  {
    name: 'set of counters',
    create: h.MLX5_CMD_OP_ALLOC_Q_COUNTER,
    destroy: h.MLX5_CMD_OP_DEALLOC_Q_COUNTER,
    capacity: 255,
  },
];

/** Handlers of all kinds, with tables of their own. */
export function simpleObjects(): Entries {
  return KINDS.flatMap(({ name, create, destroy, first = 1, capacity }) => {
    const table = new Table<true>(name, first, capacity);
    return [
      [create, () => answer(table.add(() => true))],
      [destroy, (call: Call) => void table.remove(numberIn(call))],
    ] as const;
  });
}
