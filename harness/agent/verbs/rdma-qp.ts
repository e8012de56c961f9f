import {
  type Connection,
  type QpAttributes,
  WQ_STATES,
} from '../../../providers/contract-verbs.ts';
import type { Scope } from '../scope.ts';
import { CaseDefect } from '../values.ts';
import type { Arguments, PointContext, VerbResult } from '../verb.ts';
import { addressOf, pathOf } from './rdma-address.ts';
import { accessBits, bitsOf, flagOf, howOf, numberOf, present, wordOf } from './rdma-arguments.ts';
import { rdmaOf, verbsFor, verbsOf } from './rdma-held.ts';
import { gaveFacts } from './rdma-queries.ts';

/** Verbs on the state of QPs, SRQs and WQs. */

const STATES = ['reset', 'init', 'rtr', 'rts', 'sqd', 'sqe', 'err'] as const;
const UNTIL = ['init', 'rtr', 'rts'] as const;
const MTUS = [256, 512, 1024, 2048, 4096] as const;

export function modify(args: Arguments<'modify'>, context: PointContext): VerbResult {
  const { scope } = context;
  const value = rdmaOf(args.qp, scope, 'qp');
  const named = args.to !== undefined || args.gid !== undefined || args.gidIndex !== undefined;
  const attributes = present({
    ...plainAttributes(args, scope),
    to: named ? addressOf(gidArguments(args), context.on ?? value.owner, scope) : undefined,
  });
  return gaveFacts(verbsFor(value, context).modifyQp(value.object, attributes, howOf(args, scope)));
}

/** Without `port`, which is an attribute of its own here. */
function gidArguments({ to, gid, gidIndex, path }: Arguments<'modify'>) {
  return present({ to, gid, gidIndex, path });
}

function plainAttributes(args: Arguments<'modify'>, scope: Scope): QpAttributes {
  const state = (text: string | undefined) =>
    text === undefined ? undefined : wordOf(text, STATES, scope);
  return present({
    state: state(args.state),
    currentState: state(args.currentState),
    port: numberOf(args.port, scope),
    pkeyIndex: numberOf(args.pkeyIndex, scope),
    access: args.access === undefined ? undefined : accessBits(args.access, scope),
    qkey: numberOf(args.qkey, scope),
    pathMtu: mtuOf(args.pathMtu, scope),
    remoteQpn: numberOf(args.remoteQpn, scope),
    receivePsn: numberOf(args.receivePsn, scope),
    sendPsn: numberOf(args.sendPsn, scope),
    maxReadAtomic: numberOf(args.maxReadAtomic, scope),
    maxDestReadAtomic: numberOf(args.maxDestReadAtomic, scope),
    timeout: numberOf(args.ackTimeout, scope),
    retryCount: numberOf(args.retryCount, scope),
    rnrRetry: numberOf(args.rnrRetry, scope),
    minRnrTimer: numberOf(args.minRnrTimer, scope),
    sqdAsyncNotify: flagOf(args.drainedEvent, scope),
    extraMask: numberOf(args.extraMask, scope),
  });
}

function mtuOf(
  size: Arguments<'modify'>['pathMtu'],
  scope: Scope,
): QpAttributes['pathMtu'] | undefined {
  const bytes = numberOf(size, scope);
  if (bytes === undefined) return undefined;
  const mtu = MTUS.find((one) => one === bytes);
  if (mtu !== undefined) return mtu;
  throw new CaseDefect(`${bytes} is no path MTU: ${MTUS.join(', ')}`);
}

export function connect(args: Arguments<'connect'>, context: PointContext): VerbResult {
  const { scope } = context;
  const own = rdmaOf(args.qp, scope, 'qp');
  const peer = rdmaOf(args.peer, scope, 'qp');
  const far = { verbs: verbsOf(peer.owner), qp: peer.object };
  return gaveFacts(verbsFor(own, context).connect(own.object, far, connectionOf(args, scope)));
}

function connectionOf(args: Arguments<'connect'>, scope: Scope): Connection {
  return present({
    path: pathOf(args.path, scope),
    until: args.until === undefined ? undefined : wordOf(args.until, UNTIL, scope),
    access: args.access === undefined ? undefined : accessBits(args.access, scope),
    pathMtu: mtuOf(args.pathMtu, scope),
    timeout: numberOf(args.ackTimeout, scope),
    retryCount: numberOf(args.retryCount, scope),
    rnrRetry: numberOf(args.rnrRetry, scope),
    minRnrTimer: numberOf(args.minRnrTimer, scope),
    maxReadAtomic: numberOf(args.maxReadAtomic, scope),
  });
}

export function modifySrq(args: Arguments<'modifySrq'>, context: PointContext): VerbResult {
  const { scope } = context;
  const value = rdmaOf(args.srq, scope, 'srq');
  const change = present({
    maxWr: numberOf(args.maxWr, scope),
    limit: numberOf(args.limit, scope),
  });
  return gaveFacts(verbsFor(value, context).modifySrq(value.object, change, howOf(args, scope)));
}

export function modifyWq(args: Arguments<'modifyWq'>, context: PointContext): VerbResult {
  const { scope } = context;
  const value = rdmaOf(args.wq, scope, 'wq');
  const state = (told: string | number | undefined) =>
    told === undefined ? undefined : bitsOf(WQ_STATES, told, 'state of a WQ', scope);
  const change = present({
    state: state(args.state),
    currentState: state(args.currentState),
    extraMask: numberOf(args.extraMask, scope),
  });
  return gaveFacts(verbsFor(value, context).modifyWq(value.object, change, howOf(args, scope)));
}
