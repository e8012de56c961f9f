import type { AnyStruct, Command } from './description.ts';
import { command, describe } from './fields.ts';
import * as iommufd from './headers/linux/iommufd.ts';

/**
 * The commands of iommufd with their arguments: their numbers are made by _IO and tell neither size
 * nor struct.
 * Source: include/uapi/linux/iommufd.h; drivers/iommu/iommufd/main.c, iommufd_ioctl_ops[]
 */
const ARGUMENTS: Readonly<Record<string, AnyStruct>> = {
  IOMMU_DESTROY: iommufd.iommu_destroy,
  IOMMU_IOAS_ALLOC: iommufd.iommu_ioas_alloc,
  IOMMU_IOAS_IOVA_RANGES: iommufd.iommu_ioas_iova_ranges,
  IOMMU_IOAS_ALLOW_IOVAS: iommufd.iommu_ioas_allow_iovas,
  IOMMU_IOAS_MAP: iommufd.iommu_ioas_map,
  IOMMU_IOAS_MAP_FILE: iommufd.iommu_ioas_map_file,
  IOMMU_IOAS_COPY: iommufd.iommu_ioas_copy,
  IOMMU_IOAS_UNMAP: iommufd.iommu_ioas_unmap,
  IOMMU_IOAS_CHANGE_PROCESS: iommufd.iommu_ioas_change_process,
  IOMMU_OPTION: iommufd.iommu_option,
  IOMMU_VFIO_IOAS: iommufd.iommu_vfio_ioas,
  IOMMU_HWPT_ALLOC: iommufd.iommu_hwpt_alloc,
  IOMMU_GET_HW_INFO: iommufd.iommu_hw_info,
  IOMMU_HWPT_SET_DIRTY_TRACKING: iommufd.iommu_hwpt_set_dirty_tracking,
  IOMMU_HWPT_GET_DIRTY_BITMAP: iommufd.iommu_hwpt_get_dirty_bitmap,
  IOMMU_HWPT_INVALIDATE: iommufd.iommu_hwpt_invalidate,
  IOMMU_FAULT_QUEUE_ALLOC: iommufd.iommu_fault_alloc,
  IOMMU_VIOMMU_ALLOC: iommufd.iommu_viommu_alloc,
  IOMMU_VDEVICE_ALLOC: iommufd.iommu_vdevice_alloc,
  IOMMU_VEVENTQ_ALLOC: iommufd.iommu_veventq_alloc,
  IOMMU_HW_QUEUE_ALLOC: iommufd.iommu_hw_queue_alloc,
};

function commands(): Record<string, Command> {
  const numbers = Object.values(iommufd.description.commands);
  return Object.fromEntries(
    numbers.map(({ name, request }) => [
      name,
      command(name, request, request, undefined, ARGUMENTS[name]),
    ]),
  );
}

export const description = describe({
  header: iommufd.description.header,
  source: iommufd.description.source,
  structs: () => iommufd.description.structs,
  commands,
  constants: () => iommufd.description.constants,
  enums: () => iommufd.description.enums,
});
