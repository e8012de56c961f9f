import { must } from '../refusal.ts';
import { answer, answerWith, type Call, type Entries, numberIn } from './command.ts';
import * as h from './headers/ifc.ts';
import { Table } from './table.ts';

/** Where the context is. */
const CONTEXT = 32;
/** Of both kinds: MLX5_RQC_STATE_… and MLX5_SQC_STATE_… of mlx5_ifc.h. */
const RESET = 0;
const READY = 1;

interface Kind {
  readonly name: string;
  readonly create: number;
  readonly query: number;
  readonly modify: number;
  readonly destroy: number;
}

const RECEIVES: Kind = {
  name: 'RQ',
  create: h.MLX5_CMD_OP_CREATE_RQ,
  query: h.MLX5_CMD_OP_QUERY_RQ,
  modify: h.MLX5_CMD_OP_MODIFY_RQ,
  destroy: h.MLX5_CMD_OP_DESTROY_RQ,
};

const SENDS: Kind = {
  name: 'SQ',
  create: h.MLX5_CMD_OP_CREATE_SQ,
  query: h.MLX5_CMD_OP_QUERY_SQ,
  modify: h.MLX5_CMD_OP_MODIFY_SQ,
  destroy: h.MLX5_CMD_OP_DESTROY_SQ,
};

/**
 * Queues without a QP, for raw packets: IB's work queues are those of receives. Nothing is sent or received,
 * for there is no wire.
 */
export function workQueues(): Entries {
  return [...queuesOf(RECEIVES), ...queuesOf(SENDS)];
}

/** Contexts of both have the same size, and their state at the same place: the layout of RQs serves both. */
function queuesOf(kind: Kind): Entries {
  const queues = new Table<Buffer>(kind.name, 1, 2 ** 14);
  const end = CONTEXT + h.rqc.sizeBytes;
  const create = ({ input }: Call) => {
    const number = queues.add(() => Buffer.from(input.subarray(CONTEXT, end)));
    h.rqc.set(queues.find(number), 'state', RESET);
    return answer(number);
  };
  const modify = ({ input }: Call) => {
    const queue = queues.find(numberIn({ input }));
    const state = h.rqc.get(queue, 'state');
    must(h.modify_rq_in.get(input, 'rq_state') === state, 'the state is another');
    const next = h.rqc.get(h.modify_rq_in.bytes(input, 'ctx'), 'state');
    must(next !== READY || state === RESET, 'only a queue in reset becomes ready');
    h.rqc.set(queue, 'state', next);
    return undefined;
  };
  return [
    [kind.create, create],
    [kind.query, (call) => answerWith(queues.find(numberIn(call)), CONTEXT)],
    [kind.modify, modify],
    [kind.destroy, (call) => void queues.remove(numberIn(call))],
  ];
}
