import { E } from '../uapi/errno.ts';
import {
  IOMMU_IOAS_ALLOC,
  IOMMU_IOAS_MAP,
  IOMMU_IOAS_MAP_FILE,
  IOMMU_IOAS_MAP_FIXED_IOVA,
  IOMMU_IOAS_MAP_READABLE,
  IOMMU_IOAS_MAP_WRITEABLE,
  IOMMU_IOAS_UNMAP,
  iommu_ioas_alloc,
  iommu_ioas_map,
  iommu_ioas_map_file,
  iommu_ioas_unmap,
} from '../uapi/headers/linux/iommufd.ts';
import { pageSize } from '../uapi/sys-memory.ts';
import type { Outcome } from './contract.ts';
import { call } from './vfio-call.ts';
import type { DmaMapper } from './vfio-memory.ts';

export const IOMMU_NODE = '/dev/iommu';

const READ_WRITE = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE;

/** The id of a new address space. Source: drivers/iommu/iommufd/ioas.c, iommufd_ioas_alloc_ioctl() */
export function makeAddressSpace(iommu: number): Outcome<number> {
  const arg = iommu_ioas_alloc.make({ size: iommu_ioas_alloc.size });
  const made = call(iommu, IOMMU_IOAS_ALLOC, arg);
  return made.ok ? { ok: true, value: iommu_ioas_alloc.get(arg, 'out_ioas_id') } : made;
}

/**
 * The mappings of an address space. Pages are pinned where a device is attached to it, and else when
 * the first one is.
 * Source: drivers/iommu/iommufd/ioas.c, iommufd_ioas_map(), iommufd_ioas_unmap()
 */
export function addressSpaceMapper(iommu: number, ioas: number): DmaMapper {
  return {
    map(address, iova, length) {
      const flags = READ_WRITE | IOMMU_IOAS_MAP_FIXED_IOVA;
      const { size } = iommu_ioas_map;
      const want = { size, flags, ioas_id: ioas, user_va: address, length, iova };
      const mapped = call(iommu, IOMMU_IOAS_MAP, iommu_ioas_map.make(want));
      return mapped.ok ? { ok: true, value: undefined } : mapped;
    },
    mapDmabuf(dmabuf, iova, length) {
      const mapped = mapFile(iommu, { ioas, file: dmabuf, length, iova });
      return mapped.ok ? { ok: true, value: undefined } : mapped;
    },
    unmap: (iova, size) => unmapFrom(iommu, ioas, iova, size),
  };
}

interface MapFile {
  readonly ioas: number;
  readonly file: number;
  /** Bytes from the start of the file. */
  readonly length: bigint;
  /** Where; by default the kernel chooses. */
  readonly iova?: bigint;
}

/**
 * Gives the address. Of dma-bufs Linux takes those of VFIO alone, from 7.0 on: EOPNOTSUPP for others.
 * Source: drivers/iommu/iommufd/io_pagetable.c, iopt_map_file_pages(); pages.c, iopt_map_dmabuf()
 */
export function mapFile(iommu: number, { ioas, file, length, iova }: MapFile): Outcome<bigint> {
  const arg = iommu_ioas_map_file.make({
    size: iommu_ioas_map_file.size,
    flags: iova === undefined ? READ_WRITE : READ_WRITE | IOMMU_IOAS_MAP_FIXED_IOVA,
    ioas_id: ioas,
    fd: file,
    length,
    iova: iova ?? 0n,
  });
  const mapped = call(iommu, IOMMU_IOAS_MAP_FILE, arg);
  return mapped.ok ? { ok: true, value: iommu_ioas_map_file.get(arg, 'iova') } : mapped;
}

/** Why no dma-buf can be mapped: a kernel that has the command minds that there is no such space. */
export function missingMapFile(iommu: number): string | undefined {
  const asked = mapFile(iommu, { ioas: 0, file: 0, length: BigInt(pageSize()) });
  if (asked.ok || asked.errno !== E.ENOTTY) return undefined;
  return 'ENOTTY from IOMMU_IOAS_MAP_FILE, new in 6.14';
}

/** Gives the bytes that were unmapped. */
export function unmapFrom(
  iommu: number,
  ioas: number,
  iova: bigint,
  length: bigint,
): Outcome<bigint> {
  const { size } = iommu_ioas_unmap;
  const arg = iommu_ioas_unmap.make({ size, ioas_id: ioas, iova, length });
  const unmapped = call(iommu, IOMMU_IOAS_UNMAP, arg);
  return unmapped.ok ? { ok: true, value: iommu_ioas_unmap.get(arg, 'length') } : unmapped;
}
