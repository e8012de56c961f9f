import {
  MLX5_IB_CREATE_QP_RESP_MASK_RQN,
  mlx5_ib_create_qp_resp,
} from '../../../uapi/headers/rdma/mlx5-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import type { Made } from '../driver.ts';
import type { WorkRing } from '../work-ring.ts';
import { completionQueue, type Mlx5Cq, type Names, type Queues } from './completion.ts';
import { cqeVersion } from './driver-data.ts';
import { indexOf } from './memory.ts';
import { receivesOf } from './receive-ring.ts';
import { sharedReceives } from './shared-receive.ts';

/** What the CQs of a QP are told, so that completions find its queues. */

export interface Rings {
  readonly send: WorkRing;
  readonly receive: WorkRing;
  /** Of a receive; 0 where there are none. */
  readonly slotBytes: number;
}

/** What completions name the receives of a QP by; in the first version it is the QP, or its SRQ. */
function receivesName({ want, contextAnswer }: Made<'qp'>, memory: Mapping): number | undefined {
  const version = cqeVersion(contextAnswer);
  if (version !== 0) return want.type === 'raw-packet' ? undefined : indexOf(memory, version);
  return want.srq === undefined ? undefined : Number(want.srq.fields['number']);
}

function numberOf({ object }: Made<'qp'>): number {
  return Number(object.fields['number']);
}

/**
 * A QP of raw packets goes by the number of its sends, or of its receives where it has none; the numbers of
 * such queues are of rows of their own, so that another QP may have the same.
 * Source: qp.c, create_raw_packet_qp()
 */
function namesOf(made: Made<'qp'>, memory: Mapping): Names {
  const numbers = [numberOf(made)];
  if (made.want.type !== 'raw-packet') return { numbers };
  const version = cqeVersion(made.contextAnswer);
  if (version !== 0) return { numbers: [], index: indexOf(memory, version) };
  const receives = receivesNumber(made);
  return { numbers: receives === undefined ? numbers : [...numbers, receives] };
}

/** The driver tells it to contexts with DEVX alone. */
function receivesNumber({ response }: Made<'qp'>): number | undefined {
  const { comp_mask, rqn } = mlx5_ib_create_qp_resp.decode(response);
  return (comp_mask & MLX5_IB_CREATE_QP_RESP_MASK_RQN) === 0 ? undefined : rqn;
}

/** Without an index and without a number nobody can tell whose receives have completed. */
function tellsReceives(made: Made<'qp'>, hasSends: boolean): boolean {
  const isFirst = cqeVersion(made.contextAnswer) === 0;
  if (made.want.type !== 'raw-packet' || !isFirst || !hasSends) return true;
  return receivesNumber(made) !== undefined;
}

/** Tells the CQs of the QP. */
export function attach(made: Made<'qp'>, memory: Mapping, rings: Rings) {
  const { want } = made;
  const receives = sharedReceives(want.srq) ?? receivesOf(rings.receive);
  const isRaw = want.type === 'raw-packet';
  const queues: Queues = {
    send: rings.send,
    receives,
    ...(isRaw && { framesOf: numberOf(made) }),
  };
  const names = namesOf(made, memory);
  const name = receivesName(made, memory);
  const cqs = [...new Set([completionQueue(want.sendCq), completionQueue(want.receiveCq)])].filter(
    (cq): cq is Mlx5Cq => cq !== undefined,
  );
  for (const cq of cqs) {
    cq.attach(names, queues);
    if (name !== undefined) cq.attachReceives(name, receives);
  }
  // An SRQ by its number is named so by other QPs too.
  const own = want.srq !== undefined && cqeVersion(made.contextAnswer) === 0 ? undefined : name;
  return {
    tellsReceives: tellsReceives(made, rings.send.free > 0),
    detach: () => {
      for (const cq of cqs) cq.detach(names, own);
    },
    forget: () => {
      for (const cq of cqs) cq.forget(queues);
    },
  };
}
