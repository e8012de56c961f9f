import { must } from '../refusal.ts';
import { answer, answerWith, type Call, type Entries, numberIn } from './command.ts';
import * as h from './headers/ifc.ts';
import { Table } from './table.ts';

/** Where the context is. */
const CONTEXT = 32;
/** core/transobj.c, MLX5_RQC_STATE_… */
const READY = 1;

/** Receive queues without a QP: IB's work queues. */
export function workQueues(): Entries {
  const rqs = new Table<Buffer>('RQ', 1, 2 ** 14);
  const end = CONTEXT + h.rqc.sizeBytes;
  const create = ({ input }: Call) => {
    const number = rqs.add(() => Buffer.from(input.subarray(CONTEXT, end)));
    h.rqc.set(rqs.find(number), 'state', 0);
    return answer(number);
  };
  const modify = ({ input }: Call) => {
    const rq = rqs.find(numberIn({ input }));
    must(h.modify_rq_in.get(input, 'rq_state') === h.rqc.get(rq, 'state'), 'the state is another');
    const next = h.rqc.get(h.modify_rq_in.bytes(input, 'ctx'), 'state');
    must(next !== READY || h.rqc.get(rq, 'state') === 0, 'only a queue in reset becomes ready');
    h.rqc.set(rq, 'state', next);
    return undefined;
  };
  return [
    [h.MLX5_CMD_OP_CREATE_RQ, create],
    [h.MLX5_CMD_OP_QUERY_RQ, (call) => answerWith(rqs.find(numberIn(call)), CONTEXT)],
    [h.MLX5_CMD_OP_MODIFY_RQ, modify],
    [h.MLX5_CMD_OP_DESTROY_RQ, (call) => void rqs.remove(numberIn(call))],
  ];
}
