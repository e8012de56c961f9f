import { MLX5_IB_MMAP_DEVICE_MEM } from '../../../uapi/headers/rdma/mlx5-abi.ts';
import { pageSize } from '../../../uapi/sys-memory.ts';
import { type DriverData, NO_DRIVER_DATA, type RdmaObject } from '../driver.ts';
import { HOW_SHIFT } from './formats.ts';

/** Memory of the device: what the driver tells of where it is. */

/** In its first page, and a number of that page. */
const START_BYTES = 8;
const INDEX_BYTES = 2;

/** Source: dm.c, handle_alloc_dm_memic() */
export function dmData(): DriverData {
  const memory = Buffer.alloc(START_BYTES + INDEX_BYTES);
  const attributes = {
    MLX5_IB_ATTR_ALLOC_DM_RESP_START_OFFSET: { out: memory.subarray(0, START_BYTES) },
    MLX5_IB_ATTR_ALLOC_DM_RESP_PAGE_INDEX: { out: memory.subarray(START_BYTES) },
  };
  return { ...NO_DRIVER_DATA, memory, attributes };
}

/**
 * The page's offset in the file: of its number the low byte is where that of a doorbell page is, the high one
 * above what says how it is mapped.
 * Source: main.c, mlx5_vma_to_pgoff(), get_extended_index()
 */
export function dmFields(response: Buffer): RdmaObject['fields'] {
  const index = response.readUInt16LE(START_BYTES);
  const low = index & 0xff;
  const page = ((index - low) << HOW_SHIFT) | (MLX5_IB_MMAP_DEVICE_MEM << HOW_SHIFT) | low;
  const offset = BigInt(page) * BigInt(pageSize());
  return { offset, start: Number(response.readBigUInt64LE()) };
}
