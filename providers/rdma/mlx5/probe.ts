import { MLX5_IB_OBJECT_DEVX_OBJ } from '../../../uapi/headers/rdma/mlx5-user-ioctl-cmds.ts';
import type { RdmaVerbs } from '../driver.ts';
import { type Missing, refusal } from '../probe-reasons.ts';

/**
 * The driver has these objects where the device has contexts of users for commands.
 * Source: devx.c, devx_is_supported()
 */
export function probe(verbs: RdmaVerbs): Missing {
  const objects = verbs.infoHandles(MLX5_IB_OBJECT_DEVX_OBJ);
  return objects.ok ? {} : { devx: refusal(objects) };
}
