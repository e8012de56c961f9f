import { must } from '../refusal.ts';
import { answer, answerWith, type Call, type Handler, numberIn } from './command.ts';
import * as h from './headers/ifc.ts';
import { Table } from './table.ts';

const CONTEXT = 32;
/** MLX5_SQC_STATE_RST and _RDY of mlx5_ifc.h. */
const RESET = 0;
const READY = 1;

/** Send queues of raw packets, which nothing is sent from: there is no wire. */
export function sendQueues(): readonly (readonly [number, Handler])[] {
  const sqs = new Table<Buffer>('SQ', 1, 2 ** 14);
  const create = ({ input }: Call) => {
    const end = CONTEXT + h.sqc.sizeBytes;
    const number = sqs.add(() => Buffer.from(input.subarray(CONTEXT, end)));
    h.sqc.set(sqs.find(number), 'state', RESET);
    return answer(number);
  };
  const modify = ({ input }: Call) => {
    const sq = sqs.find(numberIn({ input }));
    const state = h.sqc.get(sq, 'state');
    must(h.modify_sq_in.get(input, 'sq_state') === state, 'the state is another');
    const next = h.sqc.get(h.modify_sq_in.bytes(input, 'ctx'), 'state');
    must(next !== READY || state === RESET, 'only a queue in reset becomes ready');
    h.sqc.set(sq, 'state', next);
    return undefined;
  };
  return [
    [h.MLX5_CMD_OP_CREATE_SQ, create],
    [h.MLX5_CMD_OP_QUERY_SQ, (call) => answerWith(sqs.find(numberIn(call)), CONTEXT)],
    [h.MLX5_CMD_OP_MODIFY_SQ, modify],
    [h.MLX5_CMD_OP_DESTROY_SQ, (call) => void sqs.remove(numberIn(call))],
  ];
}
