import type { CreateRequest } from '../../../cases/types.gen.ts';
import type {
  CreateRequests,
  GivenMemory,
  QpType,
  RdmaKind,
} from '../../../providers/contract-verbs.ts';
import type { Scope } from '../scope.ts';
import { CaseDefect, descriptorOf, type RdmaValue } from '../values.ts';
import { addressOf } from './rdma-address.ts';
import { accessBits, bigintOf, flagOf, numberOf, present, wordOf } from './rdma-arguments.ts';
import { lowerFlow } from './rdma-flow.ts';
import { rdmaObject, rdmaOf } from './rdma-held.ts';

/** What a `create` step asks of the provider: names become objects, and defaults are filled in. */

type Want<K extends RdmaKind> = NonNullable<CreateRequest[K]>;
type Lower = {
  readonly [K in RdmaKind]: (want: Want<K>, scope: Scope) => CreateRequests[K];
};

/** Requests in each queue, and pieces in each request, where a case does not care. */
const DEFAULT_WR = 16;
const DEFAULT_SGE = 1;

export const QP_TYPES: readonly QpType[] = [
  'rc',
  'uc',
  'ud',
  'xrc-ini',
  'xrc-tgt',
  'raw-packet',
  'driver',
];

export const LOWER: Lower = {
  pd: () => ({}),
  mr: (want, scope) => ({
    pd: pdOf(want, scope),
    ...rangeOf(want, scope),
    access: accessBits(want.access, scope),
  }),
  'dmabuf-mr': (want, scope) => {
    const offset = scope.size(want.offset ?? 0);
    return {
      pd: pdOf(want, scope),
      dmabuf: descriptorOf(scope.resolve(want.dmabuf)),
      offset,
      length: scope.size(want.length),
      // The kernel wants the same position within a page: ib_umem_dmabuf_get() and drivers.
      iova: bigintOf(want.iova, scope) ?? offset,
      access: accessBits(want.access, scope),
    };
  },
  'dm-mr': (want, scope) => ({
    pd: pdOf(want, scope),
    dm: rdmaOf(want.dm, scope, 'dm').object,
    offset: scope.size(want.offset ?? 0),
    length: scope.size(want.length),
    access: accessBits(want.access, scope),
  }),
  mw: (want, scope) => {
    const type = scope.scalar(want.type);
    if (type !== 1 && type !== 2) throw new CaseDefect(`${String(type)} is no type of an MW`);
    return { pd: pdOf(want, scope), type };
  },
  dm: (want, scope) => ({
    length: scope.size(want.length),
    alignment: numberOf(want.alignment, scope) ?? 0,
  }),
  channel: () => ({}),
  'async-events': () => ({}),
  cq: (want, scope) =>
    present({
      entries: numberOf(want.entries, scope),
      userHandle: newElement(),
      channel: rdmaObject(want.channel, scope, 'channel'),
      vector: numberOf(want.vector, scope),
      flags: numberOf(want.flags, scope),
      memory: want.memory && givenMemory(want.memory, scope),
    }),
  srq: (want, scope) =>
    present({
      pd: pdOf(want, scope),
      maxWr: numberOf(want.maxWr ?? DEFAULT_WR, scope),
      maxSge: numberOf(want.maxSge ?? DEFAULT_SGE, scope),
      limit: numberOf(want.limit, scope),
      type: want.type === undefined ? undefined : wordOf(want.type, SRQ_TYPES, scope),
      xrcd: rdmaObject(want.xrcd, scope, 'xrcd'),
      cq: rdmaObject(want.cq, scope, 'cq'),
    }),
  qp: lowerQp,
  ah: (want, scope) =>
    present({
      pd: pdOf(want, scope),
      to: addressOf(want, rdmaOf(want.pd, scope).owner, scope),
      port: numberOf(want.port, scope),
    }),
  xrcd: (want, scope) =>
    want.file === undefined ? {} : { inode: descriptorOf(scope.resolve(want.file)) },
  wq: (want, scope) => ({
    pd: pdOf(want, scope),
    cq: rdmaOf(want.cq, scope, 'cq').object,
    maxWr: numberOf(want.maxWr ?? DEFAULT_WR, scope),
    maxSge: numberOf(want.maxSge ?? DEFAULT_SGE, scope),
  }),
  'wq-table': (want, scope) => ({
    log2Size: numberOf(want.log2Size, scope),
    wqs: want.wqs.map((wq) => rdmaOf(wq, scope, 'wq').object),
  }),
  flow: lowerFlow,
  counters: () => ({}),
  'comp-cntr': ({ successes, errors }, scope) => ({
    ...(successes && { successes: counterMemory(successes, scope) }),
    ...(errors && { errors: counterMemory(errors, scope) }),
  }),
};

/** A count has so many bytes. */
const COUNT_BYTES = 8;

function counterMemory(want: MemoryArguments, scope: Scope): GivenMemory {
  return givenMemory({ ...want, length: want.length ?? COUNT_BYTES }, scope);
}

type MemoryArguments = NonNullable<Want<'cq'>['memory']>;

/** Memory of this process, by default the rest of its mapping; or of a dma-buf, with its length. */
function givenMemory({ dmabuf, ...range }: MemoryArguments, scope: Scope): GivenMemory {
  if (dmabuf === undefined) {
    const { start, length } = rangeOf(range, scope);
    return { address: start, length };
  }
  return {
    dmabuf: descriptorOf(scope.resolve(dmabuf)),
    address: scope.size(range.offset ?? 0),
    length: scope.size(range.length ?? 0),
  };
}

const SRQ_TYPES = ['basic', 'xrc', 'tm'] as const;

/** Events name their object by it; time makes it one of its own without keeping count. */
function newElement(): bigint {
  return process.hrtime.bigint();
}

function pdOf(want: { readonly pd: string }, scope: Scope) {
  return rdmaOf(want.pd, scope, 'pd').object;
}

/** A QP whose receives come from elsewhere has no receive queue of its own. */
function lowerQp(want: Want<'qp'>, scope: Scope): CreateRequests['qp'] {
  const type = wordOf(want.type, QP_TYPES, scope);
  const { spread } = want;
  const receives = want.srq === undefined && !type.startsWith('xrc') && spread === undefined;
  const sends = type !== 'xrc-tgt' && spread === undefined;
  return present({
    type,
    pd: rdmaObject(want.pd, scope, 'pd'),
    sendCq: rdmaObject(want.sendCq ?? want.cq, scope, 'cq'),
    receiveCq: rdmaObject(want.receiveCq ?? want.cq, scope, 'cq'),
    srq: rdmaObject(want.srq, scope, 'srq'),
    xrcd: rdmaObject(want.xrcd, scope, 'xrcd'),
    spread: spread && { ...spread, table: rdmaOf(spread.table, scope, 'wq-table').object },
    sendWr: numberOf(want.sendWr ?? (sends ? DEFAULT_WR : 0), scope),
    sendSge: numberOf(want.sendSge ?? (sends ? DEFAULT_SGE : 0), scope),
    receiveWr: numberOf(want.receiveWr ?? (receives ? DEFAULT_WR : 0), scope),
    receiveSge: numberOf(want.receiveSge ?? (receives ? DEFAULT_SGE : 0), scope),
    userHandle: newElement(),
    inline: numberOf(want.inline, scope),
    signalAll: flagOf(want.signalAll, scope),
    flags: numberOf(want.flags, scope),
    rawType: numberOf(want.rawType, scope),
  });
}

interface RangeArguments {
  readonly mapping?: string;
  readonly start?: number | string;
  readonly offset?: number | string;
  readonly length?: number | string;
  readonly iova?: number | string;
}

/** Memory of this process: a part of a mapping, by default the rest of it, or a raw address. */
export function rangeOf(
  want: RangeArguments,
  scope: Scope,
): Pick<CreateRequests['mr'], 'start' | 'length' | 'iova'> {
  const offset = scope.size(want.offset ?? 0);
  const mapping = mappingOf(want, scope);
  const base = bigintOf(want.start, scope) ?? mapping?.address;
  const rest = mapping === undefined ? undefined : BigInt(mapping.length) - offset;
  const length = bigintOf(want.length, scope) ?? rest;
  if (base === undefined || length === undefined) {
    throw new CaseDefect('memory is a mapping, or a start with a length');
  }
  return present({ start: base + offset, length, iova: bigintOf(want.iova, scope) });
}

/** Where the first byte of an MR lies, when it is in a mapping. */
export function memoryOf(want: RangeArguments, scope: Scope): RdmaValue['memory'] {
  const mapping = mappingOf(want, scope);
  if (mapping === undefined || want.start !== undefined) return undefined;
  return { mapping, offset: Number(scope.size(want.offset ?? 0)) };
}

function mappingOf(want: RangeArguments, scope: Scope) {
  return want.mapping === undefined ? undefined : scope.value(want.mapping, 'mapping').mapping;
}
