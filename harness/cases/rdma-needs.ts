import type { Step } from '../../cases/types.gen.ts';
import type { Capability } from '../../providers/contract.ts';
import type { Verb } from './verbs.ts';

/** The one kind that a `create` step names, with what it is made from; '' for other steps. */
export function created(step: Step): {
  readonly kind: string;
  readonly want: Readonly<Record<string, unknown>>;
} {
  const [kind = '', want = {}] =
    Object.entries(step.create ?? {}).find(([key]) => key !== 'abi') ?? [];
  return { kind, want: want as Readonly<Record<string, unknown>> };
}

/** What is created belongs to the session of its PD, or of what else it is made from. */
export function rdmaObjectOf(step: Step): string | undefined {
  const { kind, want } = created(step);
  if (kind !== '') {
    const from = want['pd'] ?? want['xrcd'] ?? want['qp'] ?? want['channel'];
    return typeof from === 'string' ? from : undefined;
  }
  return (
    (step.destroy ?? step.query)?.object ??
    (step.modify ?? step.connect ?? step.postSend)?.qp ??
    (step.attachMulticast ?? step.detachMulticast ?? step.attachCompCntr)?.qp ??
    step.modifyCompCntr?.counter ??
    (step.resizeCq ?? step.pollCq ?? step.armCq)?.cq ??
    step.modifySrq?.srq ??
    step.modifyWq?.wq ??
    step.reregister?.mr ??
    step.adviseMr?.pd ??
    step.postReceive?.queue ??
    step.readEvent?.events
  );
}

/** Kinds of objects that not every RDMA device has. */
const NEEDED_BY_KIND: Readonly<Record<string, Capability>> = {
  'dmabuf-mr': 'mr-dmabuf',
  'dm-mr': 'device-memory',
  dm: 'device-memory',
  mw: 'memory-window',
  srq: 'srq',
  xrcd: 'qp-xrc',
  wq: 'rdma-wq',
  'wq-table': 'rdma-wq',
  flow: 'rdma-flow',
  counters: 'rdma-counters',
  'comp-cntr': 'comp-cntr',
};

const NEEDED_BY_QP_TYPE: Readonly<Record<string, Capability>> = {
  rc: 'qp-rc',
  uc: 'qp-uc',
  ud: 'qp-ud',
  'xrc-ini': 'qp-xrc',
  'xrc-tgt': 'qp-xrc',
  'raw-packet': 'qp-raw',
};

const NEEDED_BY_OPERATION: Readonly<Record<string, Capability>> = {
  'send-immediate': 'rdma-immediate',
  'rdma-write-immediate': 'rdma-immediate',
  'compare-swap': 'rdma-atomics',
  'fetch-add': 'rdma-atomics',
  'send-invalidate': 'rdma-invalidate',
  'local-invalidate': 'rdma-invalidate',
  'bind-mw': 'memory-window',
  flush: 'rdma-flush',
  'atomic-write': 'rdma-atomic-write',
};

const NEEDED_BY_RIGHT: Readonly<Record<string, Capability>> = {
  'remote-read': 'mr-remote-read',
  'remote-write': 'mr-remote-write',
};

/** Rights of memory that a step registers; where it is refused, no device needs to have them. */
function rightsOf({ create, fails }: Step): string[] {
  const access = (create?.mr ?? create?.['dmabuf-mr'])?.access;
  if (access === undefined || fails !== undefined) return [];
  return [access].flat().flatMap((names) => String(names).split('+'));
}

/** What the verbs of RDMA ask for; parameters are not looked into. */
export function rdmaCapabilities(step: Step): Capability[] {
  const present = (one: Capability | undefined) => (one === undefined ? [] : [one]);
  if (step.create !== undefined) {
    const { kind } = created(step);
    const type = step.create.qp?.type ?? '';
    const spreads = step.create.qp?.spread !== undefined;
    const isPlaced = step.create.cq?.memory !== undefined;
    const counts = step.create.flow?.specs?.some(({ counters }) => counters !== undefined) === true;
    return [
      'verbs',
      ...present(NEEDED_BY_KIND[kind]),
      ...present(NEEDED_BY_QP_TYPE[type]),
      ...rightsOf(step).flatMap((right) => present(NEEDED_BY_RIGHT[right])),
      ...present(counts ? 'rdma-counters' : undefined),
      ...present(isPlaced ? 'cq-memory' : undefined),
      ...present(spreads ? 'wq-jobs' : undefined),
    ];
  }
  if (step.postSend !== undefined) {
    const operations = step.postSend.requests.map(({ op }) => NEEDED_BY_OPERATION[op]);
    return ['rdma-jobs', ...operations.flatMap(present)];
  }
  if (step.postReceive !== undefined || step.pollCq !== undefined) return ['rdma-jobs'];
  // By a store into the queue, where a driver has it there.
  if (step.armCq !== undefined && step.armCq.abi === undefined) return ['rdma-jobs'];
  if (step.connect !== undefined) {
    return step.connect.path === undefined ? ['rdma-port'] : ['rdma-port', 'impaired-paths'];
  }
  if (step.resizeCq !== undefined) return ['cq-resize'];
  if (step.modifySrq?.maxWr !== undefined) return ['srq-resize'];
  if (step.modifyWq !== undefined) return ['rdma-wq'];
  if (step.reregister !== undefined) return ['mr-reregister'];
  if (step.adviseMr !== undefined) return ['mr-advice'];
  if (step.attachMulticast !== undefined) return ['multicast'];
  if ((step.attachCompCntr ?? step.modifyCompCntr ?? step.queryCompCntrCaps) !== undefined) {
    return ['comp-cntr'];
  }
  if (step.queryPortSpeed !== undefined) return ['port-speed'];
  if (step.cmOpen !== undefined || step.queryCharDevice?.client === 'rdma_cm') return ['rdma-cm'];
  if (step.removeDevice !== undefined || step.addDevice !== undefined) return plugNeeds(step);
  if (step.setPort !== undefined) return ['port-switch'];
  return RDMA_VERBS.some((verb) => step[verb] !== undefined) ? ['verbs'] : [];
}

/** Only what a command makes can be made otherwise than it was, or removed by another's number. */
function plugNeeds({ removeDevice, addDevice }: Step): Capability[] {
  const isOther = removeDevice?.index !== undefined || Object.keys(addDevice ?? {}).length > 0;
  return isOther ? ['unplug', 'rdma-link'] : ['unplug'];
}

/** Verbs that every RDMA device has. */
const RDMA_VERBS = [
  'destroy',
  'query',
  'queryDevice',
  'queryPort',
  'queryGid',
  'queryGidTable',
  'queryCharDevice',
  'infoHandles',
  'modify',
  'armCq',
  'readEvent',
  'uverbs',
  'uverbsWrite',
] as const satisfies readonly Verb[];
