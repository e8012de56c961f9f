import type { Provider } from '../../providers/contract.ts';
import { sendFds } from '../../uapi/sys-socket.ts';
import type { PeerOrder, PeerReport } from './peer-protocol.ts';
import { unpackFields } from './peer-protocol.ts';
import type { ReleaseStack } from './release.ts';
import type { Scope } from './scope.ts';
import {
  CaseDefect,
  type DescriptorValue,
  descriptorOf,
  type RdmaValue,
  type SessionValue,
} from './values.ts';
import { holdSession } from './verbs/device.ts';
import { rdmaValue, verbsOf } from './verbs/rdma-held.ts';

/** What a peer was handed, as values of its own, and what it gives back. */

type Handed = PeerOrder['values'][number];

export interface PeerSurroundings {
  readonly scope: Scope;
  readonly release: ReleaseStack;
  /** By name; those of all sessions that are handed over are there. */
  readonly providers: ReadonlyMap<string, Provider>;
  /** Descriptors, by the place that a value names. */
  readonly handed: readonly number[];
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
    const handle = value.place === undefined ? value.handle : (around.handed[value.place] ?? -1);
    const fields = unpackFields(value.fields);
    const object = verbsOf(owner).adoptObject(value.objectKind, handle, fields);
    const taken = { ...rdmaValue({ object, owner }), name: value.name };
    around.scope.set(value.name, taken);
    objects.push(taken);
  }
  return objects;
}

function descriptorValue(value: Handed, { release, providers, handed }: PeerSurroundings) {
  const fd = handed[value.place ?? -1];
  if (fd === undefined || value.kind === 'rdma') {
    throw new CaseDefect(`${value.name} came without a descriptor`);
  }
  const { kind } = value;
  if (kind !== 'session') return { kind, fd, closed: false };
  const provider = providers.get(value.provider);
  if (provider === undefined) throw new CaseDefect(`${value.provider} was not loaded`);
  const session = provider.adopt(value.device, fd);
  const held: SessionValue = { kind, device: value.device, provider, session, closed: false };
  return holdSession({ release }, held);
}

/** Sends descriptors, and tells what they are. */
export function giveBack(
  names: readonly string[],
  scope: Scope,
  socket: number,
): NonNullable<PeerReport['given']> {
  const given = names.map((name) => ({
    name,
    value: scope.value(`$${name}`, 'dmabuf', 'sync-file', 'memory', 'descriptor'),
  }));
  if (given.length > 0) {
    const fds = given.map(({ value }) => descriptorOf(value));
    sendFds(socket, new Uint8Array(1), fds);
  }
  return given.map(({ name, value }) => ({ name, kind: (value as DescriptorValue).kind }));
}
