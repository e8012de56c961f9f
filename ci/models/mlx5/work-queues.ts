import { must, mustFind } from '../refusal.ts';
import type { Host } from '../vfio-user/device.ts';
import { answer, answerWith, type Call, type Entries, numberIn } from './command.ts';
import * as h from './headers/ifc.ts';
import type { Objects } from './objects.ts';
import {
  BROKEN,
  type PacketQueue,
  READY,
  RESET,
  ReceiveQueue,
  SendQueue,
} from './packet-queues.ts';
import type { Table } from './table.ts';
import { CONTEXT } from './work-ring.ts';

/** What happens with a queue besides its bookkeeping. */
export interface WorkQueueActions {
  /** Requests that wait are carried out. */
  run(queue: PacketQueue): void;
  /** It is in the error state: requests that wait end with a completion that says so. */
  fail(queue: PacketQueue): void;
  /** It is not there any more, or begins anew. */
  forget(queue: PacketQueue): void;
}

interface Kind<T extends PacketQueue> {
  readonly table: Table<T>;
  readonly make: (number: number, input: Buffer) => T;
  readonly opcodes: readonly [create: number, query: number, modify: number, destroy: number];
}

const RQ_OPCODES = [
  h.MLX5_CMD_OP_CREATE_RQ,
  h.MLX5_CMD_OP_QUERY_RQ,
  h.MLX5_CMD_OP_MODIFY_RQ,
  h.MLX5_CMD_OP_DESTROY_RQ,
] as const;

const SQ_OPCODES = [
  h.MLX5_CMD_OP_CREATE_SQ,
  h.MLX5_CMD_OP_QUERY_SQ,
  h.MLX5_CMD_OP_MODIFY_SQ,
  h.MLX5_CMD_OP_DESTROY_SQ,
] as const;

/** What a queue in a state may become; it may stay what it is, but for a new limit of its rate. */
const NEXT: Readonly<Record<number, readonly number[]>> = {
  [RESET]: [RESET, READY, BROKEN],
  [READY]: [RESET, READY, BROKEN],
  [BROKEN]: [RESET, BROKEN],
};

/** Queues for raw packets; IB's work queues are RQs, too. */
export function workQueues(host: Host, objects: Objects, actions: WorkQueueActions): Entries {
  const { cqs, rqs, sqs, tiss } = objects;
  const makeRq = (number: number, input: Buffer) => {
    const queue = new ReceiveQueue(host, number, input);
    mustFind(cqs.get(queue.cqn), `CQ ${queue.cqn}`);
    return queue;
  };
  const makeSq = (number: number, input: Buffer) => {
    const queue = new SendQueue(host, number, input);
    mustFind(cqs.get(queue.sendCqn), `CQ ${queue.sendCqn}`);
    mustFind(tiss.get(queue.tisn), `TIS ${queue.tisn}`);
    return queue;
  };
  return [
    ...queuesOf({ table: rqs, make: makeRq, opcodes: RQ_OPCODES }, actions),
    ...queuesOf({ table: sqs, make: makeSq, opcodes: SQ_OPCODES }, actions),
  ];
}

function queuesOf<T extends PacketQueue>(kind: Kind<T>, actions: WorkQueueActions): Entries {
  const { table, make } = kind;
  const [create, query, modify, destroy] = kind.opcodes;
  return [
    [create, ({ input }) => answer(table.add((number) => make(number, input)))],
    [query, (call) => answerWith(table.find(numberIn(call)).context, CONTEXT)],
    [modify, (call) => changeState(table.find(numberIn(call)), call, actions)],
    [
      destroy,
      (call) => {
        actions.forget(table.find(numberIn(call)));
        table.remove(numberIn(call));
        return undefined;
      },
    ],
  ];
}

/**
 * Both kinds have the state that it was in, and that it shall have, at the same places. The driver may not
 * know that a queue broke, and thinks that it is ready: that this is let pass is a guess.
 */
function changeState(queue: PacketQueue, { input }: Call, actions: WorkQueueActions): undefined {
  const before = h.modify_rq_in.get(input, 'rq_state');
  const isKnown = before === queue.state || (before === READY && queue.state === BROKEN);
  must(isKnown, `the queue is in state ${queue.state}`);
  const next = h.rqc.get(h.modify_rq_in.bytes(input, 'ctx'), 'state');
  const isAllowed = NEXT[queue.state]?.includes(next) === true;
  must(isAllowed, `a queue in state ${queue.state} does not go to ${next}`);
  queue.state = next;
  if (next === RESET) {
    actions.forget(queue);
    queue.ring.reset();
  } else if (next === BROKEN) actions.fail(queue);
  else actions.run(queue);
}
