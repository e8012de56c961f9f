import type { Step } from '../../cases/types.gen.ts';
import type { RdmaKind } from '../../providers/contract-verbs.ts';
import { someStep } from '../some-step.ts';

/** Every key of a step that is no verb. */
export type CommonKey =
  | 'on'
  | 'as'
  | 'fails'
  | 'mayFail'
  | 'mayRefuse'
  | 'within'
  | 'gives'
  | 'takes'
  | 'note';
export type Verb = Exclude<keyof Step, CommonKey>;

/** What a name in a case stands for. */
export type Kind =
  | 'session'
  | 'buffer'
  | 'memory'
  | 'dmabuf'
  | 'sync-file'
  | 'descriptor'
  | 'mapping'
  | 'fence'
  | 'job'
  | 'process'
  | RdmaKind
  | 'record'
  | 'parameter';

/** What a verb gives: an object, the fields of a record, or as its argument tells. */
type Gives =
  | Exclude<Kind, 'record' | 'parameter'>
  | readonly string[]
  | 'nothing'
  | 'any fields'
  | 'the struct'
  | 'the same kind'
  | 'a background process'
  | 'the created kind';

interface VerbFacts {
  readonly gives: Gives;
  /**
   * Which session it goes to when `on` names none: the first role's, or that of the object it acts
   * on. Absent for verbs that need no session, and take no `on`.
   */
  readonly session?: 'first' | 'owner';
  /** It looks at what other steps gave and makes no call that could fail. */
  readonly check?: true;
  /** It changes a device for everybody: only for cases that are destructive and exclusive. */
  readonly disturbs?: true;
}

/** What the host must know of each verb; harness/agent/verbs/ carries them out. */
export const VERBS: Readonly<Record<Verb, VerbFacts>> = {
  open: { gives: 'session', session: 'first' },
  close: { gives: 'nothing' },
  alloc: { gives: 'buffer', session: 'first' },
  memory: { gives: 'memory' },
  register: { gives: 'buffer', session: 'first' },
  free: { gives: 'nothing', session: 'owner' },
  map: { gives: 'mapping', session: 'owner' },
  unmap: { gives: 'nothing' },
  remap: { gives: ['length'] },
  move: { gives: 'nothing' },
  protect: { gives: 'nothing' },
  advise: { gives: 'nothing' },
  fill: { gives: 'nothing' },
  bytes: { gives: 'nothing', check: true },
  touch: { gives: ['byte'] },
  export: { gives: 'dmabuf', session: 'owner' },
  import: { gives: 'buffer', session: 'first' },
  sync: { gives: 'nothing' },
  attachFence: { gives: 'fence', session: 'owner' },
  signalFence: { gives: 'nothing', session: 'owner' },
  makeFence: { gives: 'sync-file', session: 'first' },
  advance: { gives: 'nothing', session: 'first' },
  submitCopy: { gives: 'job', session: 'owner' },
  submitFill: { gives: 'job', session: 'owner' },
  waitJob: { gives: 'nothing', session: 'owner' },
  transfer: { gives: 'nothing', session: 'owner' },
  exportSyncFile: { gives: 'sync-file' },
  importSyncFile: { gives: 'nothing' },
  merge: { gives: 'sync-file' },
  fenceInfo: { gives: ['name', 'status', 'fences', 'timestamp', 'driver', 'object'] },
  poll: { gives: ['ready'] },
  seek: { gives: ['offset'] },
  stat: { gives: ['size', 'inode', 'device', 'number'] },
  fdFlags: { gives: ['closeOnExec', 'access'] },
  fdInfo: { gives: 'any fields' },
  dup: { gives: 'the same kind' },
  pass: { gives: 'the same kind' },
  readFd: { gives: 'any fields' },
  writeFd: { gives: ['count'] },
  truncate: { gives: 'nothing' },
  allocateFd: { gives: 'nothing' },
  openFds: { gives: ['count'] },
  pipe: { gives: 'descriptor' },
  eventfd: { gives: 'descriptor' },
  fileSignals: { gives: 'nothing' },
  takeSignal: { gives: ['fd'] },
  load: { gives: ['value', 'count'] },
  store: { gives: ['count'] },
  ioctl: { gives: 'the struct', session: 'first' },
  equal: { gives: 'nothing', check: true },
  different: { gives: 'nothing', check: true },
  oneOf: { gives: 'nothing', check: true },
  atLeast: { gives: 'nothing', check: true },
  aligned: { gives: 'nothing', check: true },
  repeat: { gives: 'nothing', check: true },
  process: { gives: 'a background process', check: true },
  join: { gives: 'nothing', check: true },
  sleep: { gives: 'nothing', check: true },
  interrupt: { gives: 'nothing', check: true },
  create: { gives: 'the created kind', session: 'owner' },
  destroy: { gives: 'any fields', session: 'owner' },
  query: { gives: 'any fields', session: 'owner' },
  queryDevice: { gives: 'any fields', session: 'first' },
  queryPort: { gives: 'any fields', session: 'first' },
  queryPortSpeed: { gives: ['speed'], session: 'first' },
  removeDevice: { gives: 'a background process', session: 'first', disturbs: true },
  addDevice: { gives: 'nothing', session: 'first', disturbs: true },
  setPort: { gives: 'nothing', session: 'first', disturbs: true },
  queryGid: { gives: 'any fields', session: 'first' },
  queryGidTable: { gives: 'any fields', session: 'first' },
  queryCharDevice: { gives: ['name', 'number', 'abi', 'driverId'], session: 'first' },
  infoHandles: { gives: 'any fields', session: 'first' },
  modify: { gives: 'any fields', session: 'owner' },
  modifySrq: { gives: 'any fields', session: 'owner' },
  modifyWq: { gives: 'nothing', session: 'owner' },
  reregister: { gives: 'mr', session: 'owner' },
  adviseMr: { gives: 'nothing', session: 'owner' },
  resizeCq: { gives: 'cq', session: 'owner' },
  modifyCompCntr: { gives: 'nothing', session: 'owner' },
  attachCompCntr: { gives: 'nothing', session: 'owner' },
  frame: { gives: ['pattern', 'bytes'] },
  queryCompCntrCaps: { gives: ['maxCounters', 'maxValue', 'operations'], session: 'first' },
  attachMulticast: { gives: 'nothing', session: 'owner' },
  detachMulticast: { gives: 'nothing', session: 'owner' },
  connect: { gives: 'any fields', session: 'owner' },
  postSend: { gives: 'any fields', session: 'owner' },
  postReceive: { gives: 'any fields', session: 'owner' },
  pollCq: { gives: 'any fields', session: 'owner' },
  armCq: { gives: 'nothing', session: 'owner' },
  readEvent: { gives: ['type', 'name', 'element'], session: 'owner' },
  uverbs: { gives: 'any fields', session: 'first' },
  uverbsWrite: { gives: 'any fields', session: 'first' },
  cmOpen: { gives: 'descriptor', session: 'first' },
  cm: { gives: 'any fields' },
  cmEvent: { gives: 'any fields' },
};

/** What `$name.field` may name. */
export const FIELDS: Readonly<Record<Exclude<Kind, 'record' | 'parameter'>, readonly string[]>> = {
  session: ['fd', 'container', 'group', 'iommu', 'events'],
  buffer: ['size', 'handle', 'fd'],
  memory: ['fd'],
  dmabuf: ['fd'],
  'sync-file': ['fd'],
  descriptor: ['fd'],
  mapping: ['length'],
  fence: ['id'],
  job: ['id', 'fence', 'fd'],
  process: ['pid'],
  pd: ['handle'],
  mr: ['handle', 'lkey', 'rkey', 'address', 'length'],
  'dmabuf-mr': ['handle', 'lkey', 'rkey', 'address', 'length'],
  'dm-mr': ['handle', 'lkey', 'rkey', 'address', 'length'],
  mw: ['handle', 'rkey'],
  dm: ['handle', 'length', 'offset', 'start'],
  channel: ['handle', 'fd'],
  'async-events': ['handle', 'fd'],
  cq: ['handle', 'entries', 'element'],
  srq: ['handle', 'maxWr', 'maxSge', 'number'],
  qp: [
    ...['handle', 'number', 'element'],
    ...['sendWr', 'receiveWr', 'sendSge', 'receiveSge', 'inline'],
  ],
  ah: ['handle'],
  xrcd: ['handle'],
  wq: ['handle', 'number', 'maxWr', 'maxSge'],
  'wq-table': ['handle'],
  flow: ['handle'],
  counters: ['handle'],
  'comp-cntr': ['handle'],
};

/** Kinds that are objects of an RDMA device. */
const MRS: readonly Kind[] = ['mr', 'dmabuf-mr', 'dm-mr'];
const EVENT_FILES: readonly Kind[] = ['channel', 'async-events'];
export const RDMA_OBJECTS: readonly Kind[] = [
  'pd',
  ...MRS,
  'mw',
  'dm',
  ...EVENT_FILES,
  'cq',
  'srq',
  'qp',
  'ah',
  'xrcd',
  'wq',
  'wq-table',
  'flow',
  'counters',
  'comp-cntr',
];

/** Arguments that only take some kinds; all others take anything that has a descriptor. */
export const ARGUMENT_KINDS: Readonly<Record<string, readonly Kind[]>> = {
  buffer: ['buffer'],
  mapping: ['mapping'],
  over: ['mapping'],
  fence: ['fence'],
  source: ['buffer'],
  target: ['buffer'],
  job: ['job'],
  process: ['process'],
  memory: ['memory', 'descriptor', 'dmabuf', 'sync-file'],
  argument: ['mapping', 'parameter'],
  pass: [
    'session',
    'dmabuf',
    'sync-file',
    'memory',
    'descriptor',
    'mapping',
    'job',
    ...RDMA_OBJECTS,
  ],
  object: RDMA_OBJECTS,
  pd: ['pd'],
  mr: MRS,
  mw: ['mw'],
  dm: ['dm'],
  channel: ['channel'],
  events: EVENT_FILES,
  cq: ['cq'],
  sendCq: ['cq'],
  receiveCq: ['cq'],
  srq: ['srq'],
  qp: ['qp'],
  peer: ['qp'],
  to: ['qp'],
  queue: ['qp', 'srq', 'wq'],
  ah: ['ah'],
  counter: ['comp-cntr'],
  xrcd: ['xrcd'],
  wqs: ['wq'],
};

/** Arguments that are sizes, in whatever verb they stand. */
export const SIZE_ARGUMENTS: ReadonlySet<string> = new Set([
  ...['size', 'offset', 'length', 'from', 'sourceOffset', 'targetOffset', 'value', 'width'],
  ...['start', 'iova', 'address', 'lkey', 'rkey', 'id', 'immediate', 'compareAdd', 'swap'],
  ...['invalidate', 'remoteQpn', 'remoteQkey', 'remoteSrqn', 'entries', 'vector', 'count'],
  ...['maxWr', 'maxSge', 'limit', 'sendWr', 'receiveWr', 'sendSge', 'receiveSge', 'rawType'],
  ...[
    'port',
    'index',
    'mtu',
    'gidIndex',
    'lid',
    'pkeyIndex',
    'qkey',
    'pathMtu',
    'receivePsn',
    'sendPsn',
  ],
  ...[
    'maxReadAtomic',
    'maxDestReadAtomic',
    'retryCount',
    'rnrRetry',
    'minRnrTimer',
    'alignment',
    'ackTimeout',
  ],
  ...['extraMask', 'rawAdvice', 'flags', 'request', 'response', 'log2Size', 'reserved'],
]);

export function isVerb(key: string): key is Verb {
  return Object.hasOwn(VERBS, key);
}

/** The verbs of a step; in order there is exactly one. */
export function verbsOf(step: Step): Verb[] {
  return Object.keys(step).filter(isVerb);
}

/** Whether one of the steps, or one inside another, changes a device for everybody. */
export function disturbs(steps: unknown): boolean {
  return someStep(steps, (step) =>
    Object.keys(step).some((key) => isVerb(key) && VERBS[key].disturbs === true),
  );
}
