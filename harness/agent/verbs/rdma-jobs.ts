import type { SendRequest } from '../../../providers/contract-verbs.ts';
import type { Arguments, PointContext, VerbResult } from '../verb.ts';
import { howOf } from './rdma-arguments.ts';
import { rdmaOf, verbsFor } from './rdma-held.ts';
import { gaveFacts } from './rdma-queries.ts';
import { noteBind, receiveRequest, sendRequest } from './rdma-requests.ts';

/** Verbs that give work to a device. */

export function postSend(args: Arguments<'postSend'>, context: PointContext): VerbResult {
  const { scope } = context;
  const qp = rdmaOf(args.qp, scope, 'qp');
  const takeBack: (() => void)[] = [];
  const requests = args.requests.map((step, index): SendRequest => {
    const request = sendRequest(step, index, scope);
    takeBack.unshift(noteBind(step, request, scope));
    return request;
  });
  const outcome = verbsFor(qp, context).postSend(qp.object, requests, howOf(args, scope));
  if (!outcome.ok) for (const undo of takeBack) undo();
  return gaveFacts(outcome);
}

export function postReceive(args: Arguments<'postReceive'>, context: PointContext): VerbResult {
  const { scope } = context;
  const queue = rdmaOf(args.queue, scope, 'qp', 'srq', 'wq');
  const requests = args.requests.map((step, index) => receiveRequest(step, index, scope));
  const verbs = verbsFor(queue, context);
  return gaveFacts(verbs.postReceive(queue.object, requests, howOf(args, scope)));
}
