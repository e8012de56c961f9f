import { RDMA_DRIVER_MLX5 } from '../../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import {
  mlx5_ib_create_srq_resp,
  mlx5_ib_query_device_resp,
} from '../../../uapi/headers/rdma/mlx5-abi.ts';
import { sysfsText } from '../../../uapi/sysfs.ts';
import type { CreateRequests, Facts, Part, RdmaKind, RdmaObject, Where } from '../driver.ts';
import { factsOf } from '../facts.ts';
import { openCq } from './completion.ts';
import { addressFields } from './datagram.ts';
import { dmFields } from './device-memory.ts';
import { driverData } from './driver-data.ts';
import { mlx5Memory } from './memory.ts';
import { probe } from './probe.ts';
import { openQp } from './queues.ts';
import { MLX5_JOBS } from './send.ts';
import { openSrq } from './shared-receive.ts';
import { openWq } from './work-queue.ts';

/** What our model says that its board is; the name of a real one is its maker's. */
const MODEL_BOARD = 'UAPI_CONFORM_MD';

/** The device is at home in any machine, so its board tells. Source: mlx5/main.c, board_id_show() */
function where(ibdev: string): Where {
  const board = sysfsText(`/sys/class/infiniband/${ibdev}/board_id`);
  return board === MODEL_BOARD ? 'device model' : 'metal';
}

function deviceFacts(response: Buffer): Facts {
  return factsOf(mlx5_ib_query_device_resp.decode(response));
}

function fields(kind: RdmaKind, response: Buffer, want: unknown): RdmaObject['fields'] {
  if (kind === 'ah') return addressFields(response, want as CreateRequests['ah']);
  if (kind === 'dm') return dmFields(response);
  if (kind === 'srq') return { number: mlx5_ib_create_srq_resp.get(response, 'srqn') };
  return {};
}

/** ConnectX of NVIDIA, formerly Mellanox. */
export const mlx5: Part = {
  driver: 'mlx5',
  driverId: RDMA_DRIVER_MLX5,
  shown: 'lab',
  where,
  probe,
  driverData,
  queueMemory: mlx5Memory,
  deviceFacts,
  fields,
  opcodes: MLX5_JOBS,
  queues: { doorbell: 'page', openCq, openQp, openSrq, openWq },
  loopsFrames: true,
};
