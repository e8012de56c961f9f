import { answer, answerWith, type Call, type Entries, numberIn } from './command.ts';
import * as h from './headers/ifc.ts';
import { FIRST_UAR, UARS } from './limits.ts';
import { Table } from './table.ts';

/**
 * Objects that the device keeps for the driver, and of which nothing happens without traffic: made with a
 * context, queried for it, destroyed. Commands of one kind have the same form for all.
 */
interface Kind {
  readonly name: string;
  readonly create: number;
  readonly destroy: number;
  readonly query?: number;
  /** Where the context is, in the command that makes it and in the answer that shows it. */
  readonly context?: { readonly at: number; readonly bytes: number };
  readonly first?: number;
  readonly capacity: number;
}

const SHORT = { at: 16, bytes: 64 };
/** A head of its own, and a work queue. */
const LONG = { at: 32, bytes: 240 };

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
    name: 'transport domain',
    create: h.MLX5_CMD_OP_ALLOC_TRANSPORT_DOMAIN,
    destroy: h.MLX5_CMD_OP_DEALLOC_TRANSPORT_DOMAIN,
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
  {
    name: 'flow counter',
    create: h.MLX5_CMD_OP_ALLOC_FLOW_COUNTER,
    destroy: h.MLX5_CMD_OP_DEALLOC_FLOW_COUNTER,
    capacity: 2 ** 15,
  },
  {
    name: 'table of RQs',
    create: h.MLX5_CMD_OP_CREATE_RQT,
    destroy: h.MLX5_CMD_OP_DESTROY_RQT,
    query: h.MLX5_CMD_OP_QUERY_RQT,
    context: LONG,
    capacity: 2 ** 12,
  },
  {
    name: 'TIR',
    create: h.MLX5_CMD_OP_CREATE_TIR,
    destroy: h.MLX5_CMD_OP_DESTROY_TIR,
    query: h.MLX5_CMD_OP_QUERY_TIR,
    context: LONG,
    capacity: 2 ** 12,
  },
  {
    name: 'TIS',
    create: h.MLX5_CMD_OP_CREATE_TIS,
    destroy: h.MLX5_CMD_OP_DESTROY_TIS,
    query: h.MLX5_CMD_OP_QUERY_TIS,
    context: LONG,
    capacity: 2 ** 12,
  },
  {
    name: 'user context',
    create: h.MLX5_CMD_OP_CREATE_UCTX,
    destroy: h.MLX5_CMD_OP_DESTROY_UCTX,
    capacity: 2 ** 12,
  },
];

/** Handlers of all kinds, with tables of their own. */
export function simpleObjects(): Entries {
  return KINDS.flatMap((kind) => {
    const { name, first = 1, capacity, context = SHORT } = kind;
    const table = new Table<Buffer>(name, first, capacity);
    const create = ({ input }: Call) =>
      answer(table.add(() => Buffer.from(input.subarray(context.at, context.at + context.bytes))));
    const destroy = (call: Call) => {
      table.remove(numberIn(call));
      return undefined;
    };
    const query = (call: Call) => answerWith(table.find(numberIn(call)), context.at);
    return [
      [kind.create, create],
      [kind.destroy, destroy],
      ...(kind.query === undefined ? [] : [[kind.query, query] as const]),
    ] as const;
  });
}
