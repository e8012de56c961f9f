import * as h from '../../../uapi/headers/rdma/erdma-abi.ts';
import { RDMA_DRIVER_ERDMA } from '../../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { whereInCloud } from '../cloud.ts';
import type { Facts, RdmaVerbs } from '../driver.ts';
import { type DriverCall, type DriverData, NO_DRIVER_DATA, type Part } from '../driver.ts';
import { isUnsupported, type Missing, refusal } from '../probe-reasons.ts';
import { ringMemory, ringsAt } from '../ring-memory.ts';
import { openCq } from './completion.ts';
import { openQp, openSrq } from './queues.ts';
import { ERDMA_JOBS } from './send.ts';
import { cqBytes, qpBytes } from './sizes.ts';

/** Where the rings and the doorbell records are; CQs and QPs are told it alike. */
function place(memory: Mapping | undefined) {
  if (memory === undefined) return {};
  const start = ringsAt();
  return {
    qbuf_va: memory.address + BigInt(start),
    qbuf_len: memory.length - start,
    db_record_va: memory.address,
  };
}

/** Source: erdma_verbs.c, erdma_alloc_ucontext(), erdma_create_cq(), erdma_create_qp() */
function driverData(
  call: DriverCall,
  _want: unknown,
  _contextAnswer: Buffer,
  memory?: Mapping,
): DriverData {
  switch (call) {
    case 'context':
      return { input: NO_DRIVER_DATA.input, outputSize: h.erdma_uresp_alloc_ctx.size };
    case 'cq':
      return {
        input: h.erdma_ureq_create_cq.make(place(memory)),
        outputSize: h.erdma_uresp_create_cq.size,
      };
    case 'qp':
      return {
        input: h.erdma_ureq_create_qp.make(place(memory)),
        outputSize: h.erdma_uresp_create_qp.size,
      };
    default:
      return NO_DRIVER_DATA;
  }
}

/** Source: erdma_verbs.c, erdma_query_device(): iWARP has no P_Keys. */
function probe(verbs: RdmaVerbs, facts: Facts): Missing {
  return {
    'datagram-header': 'nobody is told the number of an address handle: no datagram can be sent',
    ...probeAh(verbs),
    ...(facts['maxPkeys'] === 0 && {
      'rdma-jobs': 'iWARP: connections of erdma are shown in its RoCE mode alone',
    }),
  };
}

/** The driver has `create_ah` for the kernel and no `create_user_ah`: asked for any, the core refuses. */
function probeAh(verbs: RdmaVerbs): Missing {
  const pd = verbs.create('pd', {});
  if (!pd.ok) return {};
  const to = { gid: '::', lid: 0, gidIndex: 0, port: 1 };
  const ah = verbs.create('ah', { pd: pd.value, to });
  if (ah.ok) verbs.destroy(ah.value);
  verbs.destroy(pd.value);
  return !ah.ok && isUnsupported(ah.errno) ? { 'qp-ud': refusal(ah) } : {};
}

/** Alibaba's Elastic RDMA Adapter, in its RoCE mode. */
export const erdma: Part = {
  driver: 'erdma',
  driverId: RDMA_DRIVER_ERDMA,
  shown: 'lab',
  where: () => whereInCloud('Alibaba Cloud'),
  probe,
  driverData,
  queueMemory: {
    cq: (want) => ringMemory(cqBytes(want)),
    qp: (want) => ringMemory(qpBytes(want)),
  },
  opcodes: ERDMA_JOBS,
  queues: { doorbell: 'page', openCq, openQp, openSrq },
};
