import type { Provider } from '../../providers/contract.ts';
import type { PeerOrder } from './peer-protocol.ts';
import { unpackFields } from './peer-protocol.ts';
import type { ReleaseStack } from './release.ts';
import type { Scope } from './scope.ts';
import { CaseDefect, type RdmaValue, type SessionValue } from './values.ts';
import { holdSession } from './verbs/device.ts';
import { rdmaValue, verbsOf } from './verbs/rdma-held.ts';

/** What a peer was handed, as values of its own. */

type Handed = PeerOrder['values'][number];

export interface PeerSurroundings {
  readonly scope: Scope;
  readonly release: ReleaseStack;
  /** By name; those of all sessions that are handed over are there. */
  readonly providers: ReadonlyMap<string, Provider>;
}

/** @returns the RDMA objects among them, which stay their maker's to destroy */
export function takeOver(
  values: readonly Handed[],
  around: PeerSurroundings,
): readonly (RdmaValue & { readonly name: string })[] {
  // Objects are reached through sessions, in whatever order a case names them.
  const objects: (RdmaValue & { readonly name: string })[] = [];
  for (const value of values.filter(({ kind }) => kind !== 'rdma')) {
    around.scope.set(value.name, descriptorValue(value, around));
  }
  for (const value of values) {
    if (value.kind !== 'rdma') continue;
    const owner = around.scope.value(`$${value.session}`, 'session');
    const handle = value.slot ?? value.handle;
    const fields = unpackFields(value.fields);
    const object = verbsOf(owner).adoptObject(value.objectKind, handle, fields);
    const taken = { ...rdmaValue({ object, owner }), name: value.name };
    around.scope.set(value.name, taken);
    objects.push(taken);
  }
  return objects;
}

function descriptorValue(value: Handed, { release, providers }: PeerSurroundings) {
  if (value.slot === undefined || value.kind === 'rdma') {
    throw new CaseDefect(`${value.name} came without a descriptor`);
  }
  const { kind, slot } = value;
  if (kind !== 'session') return { kind, fd: slot, closed: false };
  const provider = providers.get(value.provider);
  if (provider === undefined) throw new CaseDefect(`${value.provider} was not loaded`);
  const session = provider.adopt(value.device, slot);
  const held: SessionValue = { kind, device: value.device, provider, session, closed: false };
  return holdSession({ release }, held);
}
