import { MAP_ANONYMOUS, MAP_SHARED } from '../../../uapi/constants.ts';
import {
  EFA_QUERY_DEVICE_CAPS_RDMA_READ,
  EFA_QUERY_DEVICE_CAPS_RDMA_WRITE,
  EFA_QUERY_DEVICE_CAPS_RNR_RETRY,
} from '../../../uapi/headers/rdma/efa-abi.ts';
import { Mapping } from '../../../uapi/mapping.ts';
import { pageSize } from '../../../uapi/sys-memory.ts';
import type { Facts, RdmaVerbs } from '../driver.ts';
import { type Missing, refusal } from '../probe-reasons.ts';

/**
 * What EFA has and what it lacks. The room of a header is before each datagram of UD, as ibv_post_recv(3)
 * has it, but no bit of a completion says that there is one (efa_io_defs.h, struct efa_io_cdesc_common).
 */
export function probe(verbs: RdmaVerbs, facts: Facts): Missing {
  return {
    'rdma-cm': 'EFA has addresses of its own, which no connection manager knows',
    'datagram-grh': 'completions of EFA have no flag for a header',
    'datagram-mtu': 'datagrams of EFA are as long as the longest message of the port',
    ...probeQp(verbs),
    ...probeCqMemory(verbs),
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

/** A kernel that does not know the attributes answers EPROTONOSUPPORT: 6.12 does. */
function probeCqMemory(verbs: RdmaVerbs): Missing {
  const length = pageSize();
  const memory = Mapping.map({ fd: -1, length, flags: MAP_SHARED | MAP_ANONYMOUS });
  const place = { address: memory.address, length: BigInt(length) };
  const cq = verbs.create('cq', { entries: 4, memory: place });
  if (cq.ok) verbs.destroy(cq.value);
  memory.unmap();
  return cq.ok ? {} : { 'cq-memory': refusal(cq) };
}

function isFacts(answer: Facts[string] | undefined): answer is Facts {
  return typeof answer === 'object' && !Array.isArray(answer);
}

/** Without RDMA the driver refuses MRs with the right, too. Source: efa_verbs.c, efa_alloc_mr() */
function probeCaps(answer: Facts[string] | undefined): Missing {
  const caps = isFacts(answer) ? Number(answer['deviceCaps'] ?? 0) : 0;
  const missing: Missing = {};
  const without = (what: string) => `QUERY_DEVICE: no ${what} among the device's capabilities`;
  if ((caps & EFA_QUERY_DEVICE_CAPS_RDMA_READ) === 0) {
    missing['srd-read'] = missing['mr-remote-read'] = without('RDMA read');
  }
  if ((caps & EFA_QUERY_DEVICE_CAPS_RDMA_WRITE) === 0) {
    missing['srd-write'] = missing['mr-remote-write'] = without('RDMA write');
  }
  if ((caps & EFA_QUERY_DEVICE_CAPS_RNR_RETRY) === 0) missing['srd-retries'] = without('RNR retry');
  return missing;
}
