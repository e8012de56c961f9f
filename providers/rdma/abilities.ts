import {
  IB_UVERBS_ACCESS_FLUSH_GLOBAL,
  IB_UVERBS_ACCESS_FLUSH_PERSISTENT,
} from '../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import type { AccessBits, Facts, RdmaVerbs } from '../contract-verbs.ts';

/** What the QPs of a device can, by what it says of itself. */

const factsOf = new WeakMap<RdmaVerbs, Facts>();

/** QUERY_DEVICE, asked once; nothing where that fails. */
function facts(verbs: RdmaVerbs): Facts {
  let known = factsOf.get(verbs);
  if (known === undefined) {
    const asked = verbs.queryDevice({ extended: true });
    known = asked.ok ? asked.value : {};
    factsOf.set(verbs, known);
  }
  return known;
}

/** Local and remote write, remote read, remote atomics: rights that QPs of all devices know. */
export const COMMON_ACCESS = 0xf;

/** Device capabilities, and the right that each brings. Source: include/rdma/ib_verbs.h */
const FLUSH_RIGHTS: readonly (readonly [bigint, number])[] = [
  [1n << 38n, IB_UVERBS_ACCESS_FLUSH_GLOBAL],
  [1n << 39n, IB_UVERBS_ACCESS_FLUSH_PERSISTENT],
];

/** Everything that they can allow. */
export function wholeAccess(verbs: RdmaVerbs): AccessBits {
  const { deviceCapFlagsEx: said } = facts(verbs);
  const flags = typeof said === 'bigint' ? said : 0n;
  const extra = FLUSH_RIGHTS.filter(([capability]) => (flags & capability) !== 0n);
  return extra.reduce((sum, [, right]) => sum | right, COMMON_ACCESS);
}

/** RDMA reads and atomic operations on their way at once, where the devices take so many. */
export const USUAL_DEPTH = 16;

/**
 * As many as all of these devices take, as asking and as asked; some refuse more.
 * Source: drivers/infiniband/hw/hns/hns_roce_qp.c, hns_roce_check_qp_attr(); hw/irdma/verbs.c,
 * irdma_modify_qp_roce()
 */
export function readDepth(...devices: readonly RdmaVerbs[]): number {
  const said = devices.flatMap((verbs) => {
    const { maxQpRdAtom, maxQpInitRdAtom } = facts(verbs);
    return [Number(maxQpRdAtom), Number(maxQpInitRdAtom)];
  });
  // 0 is what a driver that does not say leaves there.
  return Math.min(USUAL_DEPTH, ...said.filter((most) => most > 0));
}
