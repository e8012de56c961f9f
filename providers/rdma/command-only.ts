import { RDMA_DRIVER_MLX5 } from '../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import {
  mlx5_ib_alloc_pd_resp,
  mlx5_ib_alloc_ucontext_req_v2,
  mlx5_ib_alloc_ucontext_resp,
  mlx5_ib_create_ah_resp,
} from '../../uapi/headers/rdma/mlx5-abi.ts';
import { type DriverCall, type DriverData, NO_DRIVER_DATA, type Part } from './driver.ts';

/**
 * Drivers of hardware, as far as commands go without queues in the process: context, queries, PD,
 * MR, AH. Written from the kernel's source and NEVER RUN: no emulator has these devices, and nobody
 * has tried them yet. Queues need the driver's buffers and doorbells, which are not here.
 */

const NO_INPUT = NO_DRIVER_DATA.input;

function answer(outputSize: number): DriverData {
  return { input: NO_INPUT, outputSize };
}

/** As few doorbell registers as the driver lets one ask for. */
const MLX5_BFREGS = 4;

/** Source: drivers/infiniband/hw/mlx5/main.c, mlx5_ib_alloc_ucontext(), mlx5_ib_alloc_pd() */
function mlx5Data(call: DriverCall): DriverData {
  switch (call) {
    case 'context':
      return {
        input: mlx5_ib_alloc_ucontext_req_v2.make({
          total_num_bfregs: MLX5_BFREGS,
          max_cqe_version: 1,
        }),
        outputSize: mlx5_ib_alloc_ucontext_resp.size,
      };
    case 'pd':
      return answer(mlx5_ib_alloc_pd_resp.size);
    case 'ah':
      return answer(mlx5_ib_create_ah_resp.size);
    default:
      return NO_DRIVER_DATA;
  }
}

export const mlx5: Part = {
  driver: 'mlx5',
  driverId: RDMA_DRIVER_MLX5,
  shown: 'never run',
  driverData: mlx5Data,
};
