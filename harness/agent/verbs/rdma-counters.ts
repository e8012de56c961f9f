import type { CounterSide } from '../../../providers/contract-verbs.ts';
import {
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_RDMA_READ,
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_RDMA_WRITE,
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_RECV,
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_READ,
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_WRITE,
  IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_SEND,
} from '../../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import type { Arguments, PointContext, VerbResult } from '../verb.ts';
import { bitsOf, wordOf } from './rdma-arguments.ts';
import { rdmaOf, verbsFor, verbsOf } from './rdma-held.ts';
import { gaveFacts } from './rdma-queries.ts';

/** Verbs of completion counters. */

const SIDES: readonly CounterSide[] = ['successes', 'errors'];

const OPERATIONS: Readonly<Record<string, number>> = {
  none: 0,
  send: IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_SEND,
  receive: IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_RECV,
  'rdma-read': IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_RDMA_READ,
  'remote-rdma-read': IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_READ,
  'rdma-write': IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_RDMA_WRITE,
  'remote-rdma-write': IB_UVERBS_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_WRITE,
};

export function attachCompCntr(
  args: Arguments<'attachCompCntr'>,
  context: PointContext,
): VerbResult {
  const { scope } = context;
  const qp = rdmaOf(args.qp, scope, 'qp');
  const counter = rdmaOf(args.counter, scope, 'comp-cntr');
  const operations = bitsOf(OPERATIONS, args.operations, 'operation', scope);
  const verbs = verbsFor(qp, context);
  const outcome = verbs.attachCompCntr(qp.object, counter.object, operations);
  if (outcome.ok) counter.life.users.push(qp);
  return gaveFacts(outcome);
}

export function modifyCompCntr(
  args: Arguments<'modifyCompCntr'>,
  context: PointContext,
): VerbResult {
  const { scope } = context;
  const counter = rdmaOf(args.counter, scope, 'comp-cntr');
  const change = {
    which: wordOf(args.which, SIDES, scope),
    operation: wordOf(args.operation, ['set', 'increment'] as const, scope),
    value: scope.size(args.value),
  };
  return gaveFacts(verbsFor(counter, context).modifyCompCntr(counter.object, change));
}

export function queryCompCntrCaps(
  _args: Arguments<'queryCompCntrCaps'>,
  context: PointContext,
): VerbResult {
  return gaveFacts(verbsOf(context.session).queryCompCntrCaps());
}
