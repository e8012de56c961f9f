import type { Taker } from './completions.ts';
import * as h from './headers/ifc.ts';
import type { Accessor } from './keyed-memory.ts';
import type { Objects } from './objects.ts';
import type { QueuePair } from './queue-pairs.ts';
import type { Receives } from './receives.ts';

/** Who takes in a message: a QP, with receives of its own or shared ones. */
export interface Receiver extends Taker {
  readonly qp: QueuePair;
  /** Whose memory it is. */
  readonly who: Accessor;
  /** Undefined where it has none. */
  readonly receives: Receives | undefined;
  /** Of shared ones, the number of their queue. */
  readonly srqn?: number | undefined;
}

/** An owner that wants numbers of queues in completions, as in the first version. Source: MLX5_IB_DEFAULT_UIDX */
const NO_USER_INDEX = 0xff_ffff;

/** Of a QP that knows its receives. */
export function receiverOf({ srqs, cqs }: Objects, qp: QueuePair): Receiver {
  const isShared = qp.get('rq_type') === h.MLX5_SRQ_RQ;
  const srq = isShared ? srqs.get(qp.get('srqn_rmpn_xrqn')) : undefined;
  const { userIndex } = qp;
  return {
    qp,
    who: srq === undefined ? qp : { pd: srq.shape.pd, number: qp.number },
    receives: isShared ? srq : qp.receives,
    srqn: srq?.number,
    cq: cqs.get(qp.get('cqn_rcv')),
    name: userIndex === NO_USER_INDEX ? (srq?.number ?? 0) : userIndex,
  };
}

/** Of a target of XRC: each message names the SRQ, of the same domain; undefined where there is none. */
export function xrcReceiver(
  { srqs, cqs }: Objects,
  qp: QueuePair,
  srqn: number,
): Receiver | undefined {
  const srq = srqs.get(srqn);
  if (srq?.shape.kind !== 'xrc') return undefined;
  const { context, pd } = srq.shape;
  if (h.xrc_srqc.get(context, 'xrcd') !== qp.get('xrcd')) return undefined;
  const userIndex = h.xrc_srqc.get(context, 'user_index');
  return {
    qp,
    who: { pd, number: qp.number },
    receives: srq,
    srqn,
    cq: cqs.get(h.xrc_srqc.get(context, 'cqn')),
    name: userIndex === NO_USER_INDEX ? srqn : userIndex,
  };
}
