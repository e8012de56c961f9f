import {
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  VFIO_IOMMU_MAP_DMA,
  VFIO_IOMMU_UNMAP_DMA,
  vfio_iommu_type1_dma_map,
  vfio_iommu_type1_dma_unmap,
} from '../../uapi/headers/linux/vfio.ts';
import { call } from '../vfio-call.ts';
import type { DmaMapper } from '../vfio-memory.ts';

/**
 * The mappings of a container.
 * Source: drivers/vfio/vfio_iommu_type1.c, vfio_dma_do_map(), vfio_dma_do_unmap()
 */
export function containerMapper(container: number): DmaMapper {
  return {
    map(vaddr, iova, size) {
      const flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
      const argsz = vfio_iommu_type1_dma_map.size;
      const arg = vfio_iommu_type1_dma_map.make({ argsz, flags, vaddr, iova, size });
      const mapped = call(container, VFIO_IOMMU_MAP_DMA, arg);
      return mapped.ok ? { ok: true, value: undefined } : mapped;
    },
    unmap(iova, size) {
      const argsz = vfio_iommu_type1_dma_unmap.size;
      const arg = vfio_iommu_type1_dma_unmap.make({ argsz, iova, size });
      const unmapped = call(container, VFIO_IOMMU_UNMAP_DMA, arg);
      if (!unmapped.ok) return unmapped;
      return { ok: true, value: vfio_iommu_type1_dma_unmap.get(arg, 'size') };
    },
  };
}
