import type { RdmaKind, RdmaObject, RdmaVerbs } from '../../../providers/contract-verbs.ts';
import { E, type Errno } from '../../../uapi/errno.ts';
import type { Scope } from '../scope.ts';
import { CaseDefect, kindOf, type RdmaValue, type SessionValue } from '../values.ts';
import { type PointContext, provided } from '../verb.ts';

/** RDMA objects as values of a case: what refers to them, whose they are, and how they go. */

export const MR_KINDS = ['mr', 'dmabuf-mr', 'dm-mr'] as const satisfies readonly RdmaKind[];

const FILES: readonly RdmaKind[] = ['channel', 'async-events'];

/** The object that a reference stands for, also one that is destroyed: cases use stale ones. */
export function rdmaOf(reference: string, scope: Scope, ...kinds: readonly RdmaKind[]): RdmaValue {
  const value = scope.resolve(reference);
  if (typeof value === 'object' && value.kind === 'rdma') {
    if (kinds.length === 0 || kinds.includes(value.object.kind)) return value;
  }
  const is = typeof value === 'object' ? kindOf(value) : 'plain value';
  throw new CaseDefect(`${reference} is a ${is}, not a ${kinds.join(' or ') || 'RDMA object'}`);
}

/** As `rdmaOf`; absent stays absent. */
export function rdmaObject(
  reference: string | undefined,
  scope: Scope,
  ...kinds: readonly RdmaKind[]
): RdmaObject | undefined {
  return reference === undefined ? undefined : rdmaOf(reference, scope, ...kinds).object;
}

export function verbsOf(session: SessionValue): RdmaVerbs {
  return provided(session.session.verbs, 'verbs', session);
}

/** The verbs of the session that a step names, else of the object's own. */
export function verbsFor(value: RdmaValue, context: Pick<PointContext, 'on'>): RdmaVerbs {
  return verbsOf(context.on ?? value.owner);
}

type ValueParts = Pick<RdmaValue, 'object' | 'owner'> &
  Partial<Pick<RdmaValue, 'memory' | 'element'>>;

/** Enters a new object into the release stack. */
export function holdRdma(context: Pick<PointContext, 'release'>, parts: ValueParts): RdmaValue {
  const value = rdmaValue(parts);
  const { owner, object } = value;
  const title = `${object.kind} ${object.handle} of ${owner.device.address}`;
  context.release.push(title, () => releaseRdma(value));
  return value;
}

function releaseRdma({ owner, object, life }: RdmaValue): Errno {
  // Closing a session frees its objects, but for those that are files of their own.
  if (life.destroyed || (owner.closed && !FILES.includes(object.kind))) return 0;
  life.destroyed = true;
  const ofUsers = life.users.map(releaseRdma).find((errno) => errno !== 0) ?? 0;
  const outcome = verbsOf(owner).destroy(life.newest);
  // ENOENT: a raw call of the case destroyed it, `uverbs` or `uverbsWrite` with the plain handle,
  // of which this value does not hear. What a failed destruction leaves behind still has its handle.
  return outcome.ok || outcome.errno === E.ENOENT ? ofUsers : outcome.errno;
}

/** A value that somebody else gives back. */
export function rdmaValue(parts: ValueParts): RdmaValue {
  return { kind: 'rdma', ...parts, life: { destroyed: false, newest: parts.object, users: [] } };
}

/** The same object with other keys or another size; the old value keeps what it knew. */
export function changedRdma(
  old: RdmaValue,
  object: RdmaObject,
  memory: RdmaValue['memory'] = old.memory,
): RdmaValue {
  old.life.newest = object;
  return { ...old, object, ...(memory === undefined ? {} : { memory }) };
}
