import type { SendRequest as SendStep, Sges, Size } from '../../../cases/types.gen.ts';
import type {
  RdmaObject,
  ReceiveRequest,
  SendOpcode,
  SendRequest,
} from '../../../providers/contract-verbs.ts';
import {
  IB_UVERBS_ACCESS_REMOTE_READ,
  IB_UVERBS_ACCESS_REMOTE_WRITE,
  IB_UVERBS_ACCESS_ZERO_BASED,
} from '../../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import { IB_FLUSH_GLOBAL, IB_FLUSH_PERSISTENT } from '../../../uapi/headers/rdma/ib-user-verbs.ts';
import type { Scope } from '../scope.ts';
import type { RdmaValue, RdmaWindow } from '../values.ts';
import {
  accessBits,
  bigintOf,
  bitsOf,
  flagOf,
  numberOf,
  present,
  wordOf,
} from './rdma-arguments.ts';
import { MR_KINDS, rdmaObject, rdmaOf } from './rdma-held.ts';
import { contentOf, fieldOf, sgeOf } from './rdma-memory.ts';

/** Work requests of a case as requests of the contract. */

const OPCODES: readonly SendOpcode[] = [
  'send',
  'send-immediate',
  'send-invalidate',
  'rdma-write',
  'rdma-write-immediate',
  'rdma-read',
  'compare-swap',
  'fetch-add',
  'local-invalidate',
  'bind-mw',
  'flush',
  'atomic-write',
];

/** Any value will do, as long as both ends have the same. */
export const DEFAULT_QKEY = 0x11111111;

/** @param index of the request in its step, which numbers the requests that bring no id */
export function sendRequest(step: SendStep, index: number, scope: Scope): SendRequest {
  const opcode = wordOf(step.op, OPCODES, scope);
  // The eight bytes of an atomic write are always in the request itself.
  const inline = opcode === 'atomic-write' || flagOf(step.inline, scope) === true;
  const pieces = step.sge ?? [];
  return present({
    id: idOf(step.id, index, scope),
    opcode,
    sges: inline ? [] : pieces.map((piece) => sgeOf(piece, scope)),
    inline: inline ? Buffer.concat(pieces.map((piece) => contentOf(piece, scope))) : undefined,
    signaled: flagOf(step.signaled ?? true, scope),
    solicited: flagOf(step.solicited, scope),
    fence: flagOf(step.fence, scope),
    immediate: numberOf(step.immediate, scope),
    compareAdd: bigintOf(step.compareAdd, scope),
    swap: bigintOf(step.swap, scope),
    invalidateRkey: numberOf(step.invalidate, scope),
    flush: step.flush === undefined ? undefined : flushOf(step.flush, scope),
    bind: step.bind === undefined ? undefined : bindOf(step.bind, scope),
    remoteSrqn: numberOf(step.remoteSrqn, scope),
    ...remoteOf(step.remote, scope),
    ...datagramOf(step, scope),
  });
}

export function receiveRequest(
  step: { readonly id?: Size; readonly sge?: Sges },
  index: number,
  scope: Scope,
): ReceiveRequest {
  const sges = (step.sge ?? []).map((piece) => sgeOf(piece, scope));
  return { id: idOf(step.id, index, scope), sges };
}

function idOf(id: Size | undefined, index: number, scope: Scope): bigint {
  return bigintOf(id, scope) ?? BigInt(index + 1);
}

/** Memory of the far side, as an MR or a window there is known. */
function remoteOf(remote: SendStep['remote'], scope: Scope) {
  if (remote === undefined) return {};
  const { address, rkey } = targetOf(remote, scope);
  const offset = scope.size(remote.offset ?? 0);
  return present({
    remoteAddress: bigintOf(remote.address, scope) ?? (address ?? 0n) + offset,
    rkey: numberOf(remote.rkey, scope) ?? rkey,
  });
}

function targetOf(remote: NonNullable<SendStep['remote']>, scope: Scope): Partial<RdmaWindow> {
  if (remote.mr !== undefined) {
    const mr = rdmaOf(remote.mr, scope, ...MR_KINDS);
    return { address: fieldOf(mr, 'address'), rkey: Number(fieldOf(mr, 'rkey')) };
  }
  if (remote.mw === undefined) return {};
  const mw = rdmaOf(remote.mw, scope, 'mw');
  return mw.window ?? { rkey: Number(fieldOf(mw, 'rkey')) };
}

/** Where a datagram goes; the Q_Key is the one that QPs get here unless a case wants another. */
function datagramOf(step: SendStep, scope: Scope) {
  const to = step.to === undefined ? undefined : rdmaOf(step.to, scope, 'qp');
  const qkey = step.ah === undefined ? undefined : DEFAULT_QKEY;
  return {
    ah: rdmaObject(step.ah, scope, 'ah'),
    remoteQpn: numberOf(step.remoteQpn, scope) ?? (to && Number(fieldOf(to, 'number'))),
    remoteQkey: numberOf(step.remoteQkey, scope) ?? qkey,
  };
}

/** enum ib_placement_type and enum ib_selectivity_level. Source: include/rdma/ib_verbs.h */
const PLACEMENTS = { global: IB_FLUSH_GLOBAL, persistent: IB_FLUSH_PERSISTENT };
const SELECTIVITY = ['range', 'mr'] as const;

function flushOf(flush: NonNullable<SendStep['flush']>, scope: Scope): SendRequest['flush'] {
  const level = wordOf(flush.level ?? 'range', SELECTIVITY, scope);
  return {
    length: numberOf(flush.length ?? 0, scope),
    type: bitsOf(PLACEMENTS, flush.type ?? 'global', 'placement', scope),
    level: SELECTIVITY.indexOf(level),
  };
}

function bindOf(bind: NonNullable<SendStep['bind']>, scope: Scope): SendRequest['bind'] {
  const mw = rdmaOf(bind.mw, scope, 'mw');
  const mr = rdmaOf(bind.mr, scope, ...MR_KINDS);
  const offset = scope.size(bind.offset ?? 0);
  const both = IB_UVERBS_ACCESS_REMOTE_WRITE | IB_UVERBS_ACCESS_REMOTE_READ;
  return {
    mw: windowObject(mw),
    mr: mr.object,
    newRkey: numberOf(bind.rkey, scope) ?? nextKey(keyOf(mw)),
    address: fieldOf(mr, 'address') + offset,
    length: bigintOf(bind.length, scope) ?? fieldOf(mr, 'length') - offset,
    access: bind.access === undefined ? both : accessBits(bind.access, scope),
  };
}

/** Keys end in a byte that the consumer owns. Source: IBA 10.6.3.3 "key"; ib_inc_rkey() of ib_verbs.h */
export function nextKey(rkey: number): number {
  return ((rkey & 0xffffff00) | ((rkey + 1) & 0xff)) >>> 0;
}

function keyOf(mw: RdmaValue): number {
  return mw.window?.rkey ?? Number(fieldOf(mw, 'rkey'));
}

/** The window with the key that it has now. */
function windowObject(mw: RdmaValue): RdmaObject {
  const { object } = mw;
  if (mw.window === undefined) return object;
  return { ...object, fields: { ...object.fields, rkey: mw.window.rkey } };
}

/**
 * From now on the window is known by its new key. The queue works in order, so whatever a case posts
 * after a bind may count on it.
 *
 * @returns how to take it back
 */
export function noteBind(step: SendStep, request: SendRequest, scope: Scope): () => void {
  if (step.bind === undefined || request.bind === undefined) return () => undefined;
  const mw = rdmaOf(step.bind.mw, scope, 'mw');
  const before = mw.window;
  const { newRkey, address, access } = request.bind;
  const zeroBased = (access & IB_UVERBS_ACCESS_ZERO_BASED) !== 0;
  mw.window = { rkey: newRkey, address: zeroBased ? 0n : address };
  return () => {
    mw.window = before;
  };
}
