import {
  EFA_QUERY_DEVICE_CAPS_RDMA_READ,
  EFA_QUERY_DEVICE_CAPS_RDMA_WRITE,
} from '../../../uapi/headers/rdma/efa-abi.ts';
import type { Facts, RdmaVerbs } from '../driver.ts';
import { type Missing, refusal, WITHOUT_DEVX } from '../probe-reasons.ts';

/** What EFA has and what it lacks: datagrams that are reliable, and no header before any datagram. */
export function probe(verbs: RdmaVerbs, facts: Facts): Missing {
  return {
    ...WITHOUT_DEVX,
    'rdma-cm': 'EFA has addresses of its own, which no connection manager knows',
    'datagram-header': 'no header that EFA puts before a datagram is documented',
    ...probeQp(verbs),
    ...probeCaps(facts['driver']),
  };
}

function probeQp(verbs: RdmaVerbs): Missing {
  const pd = verbs.create('pd', {});
  const cq = verbs.create('cq', { entries: 4 });
  if (!pd.ok || !cq.ok) return { 'qp-srd': 'neither PD nor CQ' };
  const ends = { pd: pd.value, sendCq: cq.value, receiveCq: cq.value };
  const qp = verbs.create('qp', { type: 'driver', ...ends });
  if (qp.ok) verbs.destroy(qp.value);
  verbs.destroy(cq.value);
  verbs.destroy(pd.value);
  return qp.ok ? {} : { 'qp-srd': refusal(qp) };
}

function isFacts(answer: Facts[string] | undefined): answer is Facts {
  return typeof answer === 'object' && !Array.isArray(answer);
}

function probeCaps(answer: Facts[string] | undefined): Missing {
  const caps = isFacts(answer) ? Number(answer['deviceCaps'] ?? 0) : 0;
  const missing: Missing = {};
  const without = (what: string) => `QUERY_DEVICE: no RDMA ${what} among the device's capabilities`;
  if ((caps & EFA_QUERY_DEVICE_CAPS_RDMA_READ) === 0) missing['srd-read'] = without('read');
  if ((caps & EFA_QUERY_DEVICE_CAPS_RDMA_WRITE) === 0) missing['srd-write'] = without('write');
  return missing;
}
