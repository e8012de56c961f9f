import {
  IB_UVERBS_ACCESS_ON_DEMAND,
  IB_UVERBS_ADVISE_MR_FLAG_FLUSH,
} from '../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import type { Capability } from '../contract.ts';
import type { CreateRequests, Facts, RdmaVerbs } from '../contract-verbs.ts';
import { type Missing, refusal } from './probe-reasons.ts';

/** On-demand paging: MRs whose pages are not pinned, and which jobs may use them. */

/** enum ib_odp_general_cap_bits. Source: include/rdma/ib_verbs.h */
const SUPPORT = 1n;
const IMPLICIT = 2n;
/** enum ib_odp_transport_cap_bits. Source: include/rdma/ib_verbs.h */
const SEND = 1n << 0n;
const RECEIVE = 1n << 1n;

/** The field of QUERY_DEVICE's answer that tells of a job, and the bits that it needs there. */
interface Told {
  /** Absent for what goes for all jobs. */
  readonly transport?: 'rcOdpCaps' | 'udOdpCaps';
  readonly bits: bigint;
}

export const ON_DEMAND_JOBS: ReadonlyMap<Capability, Told> = new Map<Capability, Told>([
  ['on-demand-send', { transport: 'rcOdpCaps', bits: SEND }],
  ['on-demand-receive', { transport: 'rcOdpCaps', bits: RECEIVE }],
  ['on-demand-write', { transport: 'rcOdpCaps', bits: 1n << 2n }],
  ['on-demand-read', { transport: 'rcOdpCaps', bits: 1n << 3n }],
  ['on-demand-atomics', { transport: 'rcOdpCaps', bits: 1n << 4n }],
  ['on-demand-srq', { transport: 'rcOdpCaps', bits: 1n << 5n }],
  ['on-demand-flush', { transport: 'rcOdpCaps', bits: 1n << 6n }],
  ['on-demand-atomic-write', { transport: 'rcOdpCaps', bits: 1n << 7n }],
  ['on-demand-all', { bits: IMPLICIT }],
  ['on-demand-ud-send', { transport: 'udOdpCaps', bits: SEND }],
  ['on-demand-datagram', { transport: 'udOdpCaps', bits: SEND | RECEIVE }],
]);

function bitsOf(facts: unknown, name: string): bigint {
  const value = (facts as Facts | undefined)?.[name];
  return typeof value === 'number' || typeof value === 'bigint' ? BigInt(value) : 0n;
}

/** @param facts the extended answer; the plain one says nothing of this, and so there is nothing */
export function probeOnDemandJobs(facts: Facts): Missing {
  const caps = facts['odpCaps'] as Facts | undefined;
  const supported = (bitsOf(caps, 'generalCaps') & SUPPORT) !== 0n;
  const missing: Missing = {};
  for (const [capability, { transport, bits }] of ON_DEMAND_JOBS) {
    const has =
      transport === undefined
        ? bitsOf(caps, 'generalCaps')
        : bitsOf(caps?.['perTransportCaps'], transport);
    if (supported && (has & bits) === bits) continue;
    missing[capability] = supported
      ? `QUERY_DEVICE: ${transport ?? 'generalCaps'} is 0x${has.toString(16)}`
      : 'QUERY_DEVICE: no on-demand paging';
  }
  return missing;
}

/** Makes an MR over a page and asks for the page. */
export function probeOnDemand(verbs: RdmaVerbs, page: CreateRequests['mr']): Missing {
  const mr = verbs.create('mr', { ...page, access: page.access | IB_UVERBS_ACCESS_ON_DEMAND });
  if (!mr.ok) return { 'mr-on-demand': refusal(mr), 'mr-advice': refusal(mr) };
  const sge = { address: page.start, length: Number(page.length) };
  const advised = verbs.adviseMr(page.pd, {
    advice: 0,
    flags: IB_UVERBS_ADVISE_MR_FLAG_FLUSH,
    sges: [{ ...sge, lkey: Number(mr.value.fields['lkey']) }],
  });
  verbs.destroy(mr.value);
  return advised.ok ? {} : { 'mr-advice': refusal(advised) };
}
