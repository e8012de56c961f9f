import * as h from '../../../uapi/headers/rdma/efa-abi.ts';
import {
  IB_UVERBS_BUFFER_TYPE_DMABUF,
  IB_UVERBS_BUFFER_TYPE_VA,
  ib_uverbs_buffer_desc,
  RDMA_DRIVER_EFA,
} from '../../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import { whereInCloud } from '../cloud.ts';
import type { CreateRequests, Facts, GivenMemory, RdmaKind, RdmaObject } from '../driver.ts';
import { type DriverCall, type DriverData, NO_DRIVER_DATA, type Part } from '../driver.ts';
import { factsOf } from '../facts.ts';
import type { GidEntry } from '../gid.ts';
import { openCq } from './completion.ts';
import { probe } from './probe.ts';
import { openQp, openSrq } from './queues.ts';
import { EFA_JOBS } from './send.ts';
import { CQ_ENTRY_BYTES, ringSizes, ringsPerCq, slotsFor } from './sizes.ts';

/** What the driver wants to hear before it gives a context: that both limits are known here. */
const KNOWN_LIMITS =
  h.EFA_ALLOC_UCONTEXT_CMD_SUPP_CAPS_TX_BATCH | h.EFA_ALLOC_UCONTEXT_CMD_SUPP_CAPS_MIN_SQ_WR;

function answer(outputSize: number): DriverData {
  return { input: NO_DRIVER_DATA.input, outputSize };
}

function cqData({ channel }: CreateRequests['cq'], contextAnswer: Buffer): DriverData {
  const input = h.efa_ibv_create_cq.make({
    cq_entry_size: CQ_ENTRY_BYTES,
    num_sub_cqs: ringsPerCq(contextAnswer),
    flags: channel === undefined ? 0 : h.EFA_CREATE_CQ_WITH_COMPLETION_CHANNEL,
  });
  return { input, outputSize: h.efa_ibv_create_cq_resp.size };
}

function qpData(want: CreateRequests['qp']): DriverData {
  const { sendBytes, receiveBytes } = ringSizes(want);
  const input = h.efa_ibv_create_qp.make({
    sq_ring_size: sendBytes,
    rq_ring_size: receiveBytes,
    driver_qp_type: want.type === 'driver' ? h.EFA_QP_DRIVER_TYPE_SRD : 0,
  });
  return { input, outputSize: h.efa_ibv_create_qp_resp.size };
}

function describeMemory({ dmabuf, address, length }: GivenMemory): Buffer {
  const type = dmabuf === undefined ? IB_UVERBS_BUFFER_TYPE_VA : IB_UVERBS_BUFFER_TYPE_DMABUF;
  return ib_uverbs_buffer_desc.make({ type, fd: dmabuf ?? 0, addr: address, length });
}

/** Both counts are in memory of the user's. Source: efa_verbs.c, efa_create_comp_cntr() */
function counterData({ successes, errors }: CreateRequests['comp-cntr']): DriverData {
  const attributes = {
    ...(successes && { EFA_IB_ATTR_CREATE_COMP_CNTR_COMP_BUFFER: describeMemory(successes) }),
    ...(errors && { EFA_IB_ATTR_CREATE_COMP_CNTR_ERR_BUFFER: describeMemory(errors) }),
  };
  return { ...NO_DRIVER_DATA, attributes };
}

/** Source: drivers/infiniband/hw/efa/efa_verbs.c, efa_alloc_ucontext(), efa_create_cq() and so on */
function driverData(call: DriverCall, want: unknown, contextAnswer: Buffer): DriverData {
  switch (call) {
    case 'context':
      return {
        input: h.efa_ibv_alloc_ucontext_cmd.make({ supported_caps: KNOWN_LIMITS }),
        outputSize: h.efa_ibv_alloc_ucontext_resp.size,
      };
    case 'query-device':
      return answer(h.efa_ibv_ex_query_device_resp.size);
    case 'pd':
      return answer(h.efa_ibv_alloc_pd_resp.size);
    case 'ah':
      return answer(h.efa_ibv_create_ah_resp.size);
    case 'cq':
      return cqData(want as CreateRequests['cq'], contextAnswer);
    case 'qp':
      return qpData(want as CreateRequests['qp']);
    case 'comp-cntr':
      return counterData(want as CreateRequests['comp-cntr']);
    default:
      return NO_DRIVER_DATA;
  }
}

function fields(kind: RdmaKind, response: Buffer): RdmaObject['fields'] {
  if (kind !== 'ah') return {};
  return { number: h.efa_ibv_create_ah_resp.get(response, 'efa_address_handle') };
}

function deviceFacts(response: Buffer): Facts {
  return factsOf(h.efa_ibv_ex_query_device_resp.decode(response));
}

/** The port has one GID, which is the device's address in its network. */
function address(entries: readonly GidEntry[]) {
  const [first] = entries;
  if (first === undefined) return undefined;
  return { gid: first.gid, lid: 0, gidIndex: first.index, port: first.port };
}

/** State, P_Key index, port, Q_Key, PSN, limits, RNR retries. Source: efa_verbs.c, efa_query_qp() */
const QUERY_MASK = 0x1 | 0x10 | 0x20 | 0x40 | 0x800 | 0x10000 | 0x80000;

/** Amazon's Elastic Fabric Adapter: datagrams, those of UD and the reliable ones of SRD. */
export const efa: Part = {
  driver: 'efa',
  driverId: RDMA_DRIVER_EFA,
  shown: 'lab',
  where: () => whereInCloud('Amazon EC2'),
  transport: 'efa',
  probe,
  driverData,
  prepare: {
    cq: (want) => ({ ...want, entries: slotsFor(want.entries) }),
    qp: (want) => ({
      ...want,
      sendWr: slotsFor(want.sendWr ?? 1),
      receiveWr: slotsFor(want.receiveWr ?? 1),
    }),
  },
  fields,
  deviceFacts,
  queryMask: QUERY_MASK,
  address,
  opcodes: EFA_JOBS,
  queues: { doorbell: 'page', openCq, openQp, openSrq },
};
