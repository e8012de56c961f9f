import type { Step } from '../../cases/types.gen.ts';
import { type Capability, includesCapability } from '../../providers/contract.ts';
import { jobCapabilities, jobReference } from './job-needs.ts';
import { rdmaCapabilities, rdmaObjectOf } from './rdma-needs.ts';
import type { Blame, Entry, Scope } from './scope.ts';
import type { Verb } from './verbs.ts';

/**
 * A case says what it needs, so that a device without it is a skip and not a failure: each verb of
 * a session asks for a capability of the session's role.
 */
export function checkNeeds(
  step: Step,
  verb: Verb,
  session: Entry | undefined,
  scope: Scope,
  blame: Blame,
): void {
  const owner = session ?? ownerOf(step, scope);
  const role = owner?.role;
  if (role === undefined) return;
  for (const capability of capabilitiesFor(step, scope, role.needs)) {
    if (includesCapability(role.needs, capability)) continue;
    blame.key([verb], `this needs '${capability}' of the role '${role.name}'; add it to its needs`);
  }
}

/** The session of the object that a verb acts on. */
export function ownerOf(step: Step, scope: Scope): Entry | undefined {
  return objectOf(step, scope)?.owner;
}

/** The buffer, fence or RDMA object that a verb acts on. */
function objectOf(step: Step, scope: Scope): Entry | undefined {
  const object = step.export ?? step.attachFence ?? step.transfer;
  const reference =
    object?.buffer ??
    step.map?.what ??
    step.signalFence?.fence ??
    jobReference(step) ??
    rdmaObjectOf(step);
  return reference === undefined ? undefined : scope.get(reference.slice(1));
}

function capabilitiesFor(step: Step, scope: Scope, needs: readonly Capability[]): Capability[] {
  const { alloc, map } = step;
  const rdma = rdmaCapabilities(step);
  if (rdma.length > 0) return rdma;
  if (alloc !== undefined) {
    return [needs.includes('buffer') ? 'buffer' : 'alloc', ...ifShared('alloc-access', alloc)];
  }
  if (step.export?.offset !== undefined) return ['offset-export'];
  if (step.export !== undefined) return ['export', ...ifShared('export-access', step.export)];
  const job = jobCapabilities(step, scope);
  if (job.length > 0) return job;
  if (step.register !== undefined) return ['register'];
  if (step.import !== undefined) return ['import'];
  if (step.attachFence !== undefined || step.signalFence !== undefined) return ['fence'];
  if (step.makeFence !== undefined || step.advance !== undefined) return ['timeline'];
  if (step.open?.node === 'render') return ['render-node'];
  const mapped = map === undefined ? undefined : objectOf(step, scope);
  if (mapped?.kind === 'dm') return ['device-memory-map'];
  if (mapped?.kind !== 'buffer') return [];
  return [mapped.imported === true ? 'map-imported' : 'map'];
}

function ifShared(
  capability: Capability,
  how: { readonly access?: unknown; readonly closeOnExec?: unknown },
): Capability[] {
  return how.access === undefined && how.closeOnExec === undefined ? [] : [capability];
}
