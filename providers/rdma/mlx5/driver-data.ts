import * as h from '../../../uapi/headers/rdma/mlx5-abi.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { addressOf } from '../../../uapi/rdma/verbs-argument.ts';
import {
  type CreateRequests,
  type DriverCall,
  type DriverData,
  type FlowWant,
  NO_DRIVER_DATA,
} from '../driver.ts';
import { dmData } from './device-memory.ts';
import { CQE_BYTES } from './formats.ts';
import { LOOPS_FRAMES } from './frames.ts';
import { indexOf, recordAddress, ringAddress } from './memory.ts';
import { qpShape, wqSlots } from './sizes.ts';
import { spreadData } from './spread.ts';

/** What the driver is told with each call. Source: drivers/infiniband/hw/mlx5 */

/** Doorbell registers of a context: the driver takes whole pages of them, which have two each. */
const BFREGS = 4;

function answer(outputSize: number): DriverData {
  return { input: NO_DRIVER_DATA.input, outputSize };
}

/** Source: main.c, mlx5_ib_alloc_ucontext() */
function contextData(): DriverData {
  const input = h.mlx5_ib_alloc_ucontext_req_v2.make({
    total_num_bfregs: BFREGS,
    max_cqe_version: 1,
  });
  return { input, outputSize: h.mlx5_ib_alloc_ucontext_resp.size };
}

/** Of a context that somebody else made it is what all devices that are about speak. */
export function cqeVersion(contextAnswer: Buffer): number {
  if (contextAnswer.length < h.mlx5_ib_alloc_ucontext_resp.size) return 1;
  return h.mlx5_ib_alloc_ucontext_resp.get(contextAnswer, 'cqe_version');
}

/** Where the ring and the doorbell record are; all queues are told it alike. */
function place(memory: Mapping | undefined) {
  if (memory === undefined) return {};
  return { buf_addr: ringAddress(memory), db_addr: recordAddress(memory) };
}

/** Source: cq.c, create_cq_user() */
function cqData(memory?: Mapping): DriverData {
  const input = h.mlx5_ib_create_cq.make({ ...place(memory), cqe_size: CQE_BYTES });
  return { input, outputSize: h.mlx5_ib_create_cq_resp.size };
}

/** Source: cq.c, resize_user() */
function resizeData(memory?: Mapping): DriverData {
  const buf_addr = memory === undefined ? 0n : ringAddress(memory);
  return { input: h.mlx5_ib_resize_cq.make({ buf_addr, cqe_size: CQE_BYTES }), outputSize: 0 };
}

/** Source: qp.c, mlx5_ib_create_qp(), create_user_qp(), _create_user_qp() */
function qpData(want: CreateRequests['qp'], contextAnswer: Buffer, memory?: Mapping): DriverData {
  if (want.spread !== undefined) return spreadData(want.spread);
  const { receives, sendsAt, sendBlocks } = qpShape(want, contextAnswer);
  const isRaw = want.type === 'raw-packet' && memory !== undefined;
  const input = h.mlx5_ib_create_qp.make({
    ...place(memory),
    sq_wqe_count: sendBlocks,
    rq_wqe_count: receives.count,
    rq_wqe_shift: receives.shift,
    flags: isRaw ? LOOPS_FRAMES : 0,
    uidx: memory === undefined ? 0 : indexOf(memory, cqeVersion(contextAnswer)),
    // A QP of raw packets has two rings of two names.
    sq_buf_addr: isRaw ? ringAddress(memory) + BigInt(sendsAt) : 0n,
  });
  return { input, outputSize: h.mlx5_ib_create_qp_resp.size };
}

/** Source: srq.c, create_srq_user() */
function srqData(contextAnswer: Buffer, memory?: Mapping): DriverData {
  const input = h.mlx5_ib_create_srq.make({
    ...place(memory),
    uidx: memory === undefined ? 0 : indexOf(memory, cqeVersion(contextAnswer)),
  });
  return { input, outputSize: h.mlx5_ib_create_srq_resp.size };
}

/** Source: qp.c, prepare_user_rq() */
function wqData(want: CreateRequests['wq'], contextAnswer: Buffer, memory?: Mapping): DriverData {
  const { count, shift } = wqSlots(want, contextAnswer);
  const input = h.mlx5_ib_create_wq.make({
    ...place(memory),
    rq_wqe_count: count,
    rq_wqe_shift: shift,
    user_index: memory === undefined ? 0 : indexOf(memory, cqeVersion(contextAnswer)),
  });
  return { input, outputSize: h.mlx5_ib_create_wq_resp.size };
}

/** enum ib_counters_description, which no header of the uAPI has. Source: include/rdma/ib_verbs.h */
const COUNTS = ['packets', 'bytes'] as const;

/**
 * The first rule that counts into counters says which value is the packets and which the bytes; of a later
 * one that is EINVAL. Source: counters.c, mlx5_ib_flow_counters_set_data(); fs.c, mlx5_ib_create_flow()
 */
function flowData({ fresh }: FlowWant): DriverData {
  if (fresh.length === 0) return NO_DRIVER_DATA;
  const desc = h.mlx5_ib_flow_counters_desc;
  const memory = Buffer.concat(COUNTS.map((_, index) => desc.make({ description: index, index })));
  const data = h.mlx5_ib_flow_counters_data.make({
    counters_data: addressOf(memory),
    ncounters: COUNTS.length,
  });
  const input = Buffer.concat([h.mlx5_ib_create_flow.make({ ncounters_data: 1 }), data]);
  return { input, outputSize: 0, memory };
}

export function driverData(
  call: DriverCall,
  want: unknown,
  contextAnswer: Buffer,
  memory?: Mapping,
): DriverData {
  switch (call) {
    case 'context':
      return contextData();
    case 'query-device':
      return answer(h.mlx5_ib_query_device_resp.size);
    case 'pd':
      return answer(h.mlx5_ib_alloc_pd_resp.size);
    case 'ah':
      return answer(h.mlx5_ib_create_ah_resp.size);
    case 'cq':
      return cqData(memory);
    case 'resize-cq':
      return resizeData(memory);
    case 'qp':
      return qpData(want as CreateRequests['qp'], contextAnswer, memory);
    case 'srq':
      return srqData(contextAnswer, memory);
    case 'flow':
      return flowData(want as FlowWant);
    case 'dm':
      return dmData();
    case 'modify-wq':
      return { input: h.mlx5_ib_modify_wq.make({}), outputSize: 0 };
    case 'wq':
      return wqData(want as CreateRequests['wq'], contextAnswer, memory);
    default:
      return NO_DRIVER_DATA;
  }
}
