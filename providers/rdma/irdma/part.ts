import { RDMA_DRIVER_IRDMA } from '../../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import * as h from '../../../uapi/headers/rdma/irdma-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { sysfsText } from '../../../uapi/sysfs.ts';
import {
  type DriverCall,
  type DriverData,
  NO_DRIVER_DATA,
  type Part,
  type Where,
} from '../driver.ts';
import { ringMemory } from '../ring-memory.ts';
import { addressOfRing, addressOfShadow, registrations } from './queue-memory.ts';
import { cqBytes, qpMemoryBytes, srqMemoryBytes } from './sizes.ts';

/** Counts are those of requests, and requests those of the third generation: it knows no others. */
const CONTEXT = h.irdma_alloc_ucontext_req.make({
  userspace_ver: h.IRDMA_ABI_VER,
  comp_mask: h.IRDMA_ALLOC_UCTX_USE_RAW_ATTR | h.IRDMA_SUPPORT_WQE_FORMAT_V2,
});

function cqData(memory: Mapping | undefined): DriverData {
  const places = memory && {
    user_cq_buf: addressOfRing(memory),
    user_shadow_area: addressOfShadow(memory),
  };
  return {
    input: h.irdma_create_cq_req.make(places),
    outputSize: h.irdma_create_cq_resp.size,
  };
}

/** Source: verbs.c, irdma_alloc_ucontext(), irdma_create_cq(), irdma_create_qp(), irdma_create_srq(), irdma_reg_user_mr() */
function driverData(
  call: DriverCall,
  _want: unknown,
  _contextAnswer: Buffer,
  memory?: Mapping,
): DriverData {
  const ring = memory && addressOfRing(memory);
  switch (call) {
    case 'context':
      return { input: CONTEXT, outputSize: h.irdma_alloc_ucontext_resp.size };
    case 'pd':
      return { input: NO_DRIVER_DATA.input, outputSize: h.irdma_alloc_pd_resp.size };
    case 'mr':
      return {
        input: h.irdma_mem_reg_req.make({ reg_type: h.IRDMA_MEMREG_TYPE_MEM }),
        outputSize: 0,
      };
    case 'cq':
      return cqData(memory);
    case 'resize-cq':
      return { input: h.irdma_resize_cq_req.make({ user_cq_buffer: ring ?? 0n }), outputSize: 0 };
    case 'qp':
      return {
        input: h.irdma_create_qp_req.make({ user_wqe_bufs: ring ?? 0n }),
        outputSize: h.irdma_create_qp_resp.size,
      };
    case 'srq':
      return {
        input: h.irdma_create_srq_req.make({ user_srq_buf: ring ?? 0n }),
        outputSize: h.irdma_create_srq_resp.size,
      };
    case 'ah':
      return { input: NO_DRIVER_DATA.input, outputSize: h.irdma_create_ah_resp.size };
    default:
      return NO_DRIVER_DATA;
  }
}

/** The lab's model says that it is plugged into QEMU: the vendor of its subsystem is Red Hat. */
const MODEL_SUBSYSTEM = '0x1af4';

function where(ibdev: string): Where {
  const vendor = sysfsText(`/sys/class/infiniband/${ibdev}/device/subsystem_vendor`);
  return vendor === MODEL_SUBSYSTEM ? 'device model' : 'metal';
}

/** Intel's RDMA of the third generation (IPU E2000): commands, with queues that nobody works on. */
export const irdma: Part = {
  driver: 'irdma',
  driverId: RDMA_DRIVER_IRDMA,
  shown: 'lab',
  where,
  driverData,
  queueMemory: {
    cq: (want) => ringMemory(cqBytes(want)),
    'resize-cq': (want) => ringMemory(cqBytes(want)),
    qp: (want) => ringMemory(qpMemoryBytes(want)),
    srq: (want) => ringMemory(srqMemoryBytes(want)),
  },
  registrations,
};
