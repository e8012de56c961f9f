import type { Capability, Device, Outcome, Probe } from '../contract.ts';
import type { RdmaVerbs } from '../contract-verbs.ts';
import type { Part } from './driver.ts';

export const OFFERED: readonly Capability[] = [
  'verbs',
  'rdma-jobs',
  'rdma-port',
  'qp-rc',
  'qp-uc',
  'qp-ud',
  'qp-modify',
  'rdma-immediate',
  'rdma-atomics',
  'rdma-inline',
  'srq',
  'cq-resize',
];

export function probeCapabilities(_device: Device, _verbs: RdmaVerbs, _part: Part): Outcome<Probe> {
  return { ok: true, value: { missing: {}, identity: {} } };
}
