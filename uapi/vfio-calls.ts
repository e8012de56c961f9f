import type { AnyStruct, Command, Field } from './description.ts';
import { array, chars, command, describe, inline, nested, s32, u8, u32, u64 } from './fields.ts';
import * as vfio from './headers/linux/vfio.ts';
import { Struct } from './layout.ts';

/**
 * The commands of VFIO with their arguments. Their numbers are made by _IO and tell neither size nor
 * struct, and most structs end in `data[]`: what stands there, by command, is written down here from
 * the generated structs. `argsz` is the caller's, and what it promises must be there: all arguments
 * here have room for as much as the kernel writes.
 * Source: include/uapi/linux/vfio.h
 */

/** Bytes of a capability chain or of further data that an answer may have. */
const ROOM = 256;

/** A struct whose last, flexible member is replaced by what really stands there. */
function followed(struct: AnyStruct, ...more: readonly Field[]): AnyStruct {
  const fixed = struct.fields.filter((field) => !('flexible' in field && field.flexible));
  return layout(struct.name, [...fixed, ...more]);
}

function layout(name: string, fields: readonly Field[], union = false): AnyStruct {
  const size = Math.max(...fields.map(({ offset, size }) => offset + size));
  return new Struct({ name, size, size32: size, union, fields: () => fields });
}

/** The words behind a struct: capabilities, each of which starts with id and version, and `next`. */
function chained(struct: AnyStruct): AnyStruct {
  const words = (ROOM - struct.size) / 4;
  return followed(struct, array('chain', u32('', 0), words, struct.size));
}

/** Several views of the same bytes. */
function either(offset: number, ...views: readonly Field[]): Field {
  const size = Math.max(...views.map((view) => view.offset + view.size));
  return inline('', { name: 'data', size, size32: size, union: true, fields: () => views }, offset);
}

/** One descriptor, read by the kernel from where the argument points to. */
const descriptor = layout('descriptor', [s32('fd', 0)]);
const deviceName = layout('device_name', [chars('name', 64, 0)]);

const irqSet = followed(
  vfio.vfio_irq_set,
  either(20, array('fds', s32('', 0), 16, 0), array('bools', u8('', 0), 64, 0)),
);

const dmaBuf = followed(
  vfio.vfio_device_feature_dma_buf,
  array('dma_ranges', nested('', vfio.vfio_region_dma_range, 0), 4, 16),
);

const feature = followed(
  vfio.vfio_device_feature,
  either(
    8,
    nested('dma_buf', dmaBuf, 0),
    nested('bus_master', vfio.vfio_device_feature_bus_master, 0),
    nested('migration', vfio.vfio_device_feature_migration, 0),
    nested('low_power', vfio.vfio_device_low_power_entry_with_wakeup, 0),
    array('token', u8('', 0), 16, 0),
  ),
);

const unmap = followed(
  vfio.vfio_iommu_type1_dma_unmap,
  nested('bitmap', vfio.vfio_bitmap, vfio.vfio_iommu_type1_dma_unmap.size),
);

const dirty = layout(vfio.vfio_iommu_type1_dirty_bitmap.name, [
  u32('argsz', 0),
  u32('flags', 4),
  u64('iova', 8),
  u64('size', 16),
  nested('bitmap', vfio.vfio_bitmap, 24),
]);

const hotResetInfo = followed(
  vfio.vfio_pci_hot_reset_info,
  array('devices', nested('', vfio.vfio_pci_dependent_device, 0), 16, 12),
);
const hotReset = followed(vfio.vfio_pci_hot_reset, array('group_fds', s32('', 0), 4, 12));

/** Arguments by command; those that take a number instead or nothing are not here. */
const ARGUMENTS: Readonly<Record<string, AnyStruct>> = {
  VFIO_GROUP_GET_STATUS: vfio.vfio_group_status,
  VFIO_GROUP_SET_CONTAINER: descriptor,
  VFIO_GROUP_GET_DEVICE_FD: deviceName,
  VFIO_DEVICE_GET_INFO: chained(vfio.vfio_device_info),
  VFIO_DEVICE_GET_REGION_INFO: chained(vfio.vfio_region_info),
  VFIO_DEVICE_GET_IRQ_INFO: vfio.vfio_irq_info,
  VFIO_DEVICE_SET_IRQS: irqSet,
  VFIO_DEVICE_GET_PCI_HOT_RESET_INFO: hotResetInfo,
  VFIO_DEVICE_PCI_HOT_RESET: hotReset,
  VFIO_DEVICE_IOEVENTFD: vfio.vfio_device_ioeventfd,
  VFIO_DEVICE_FEATURE: feature,
  VFIO_DEVICE_BIND_IOMMUFD: vfio.vfio_device_bind_iommufd,
  VFIO_DEVICE_ATTACH_IOMMUFD_PT: vfio.vfio_device_attach_iommufd_pt,
  VFIO_DEVICE_DETACH_IOMMUFD_PT: vfio.vfio_device_detach_iommufd_pt,
  VFIO_IOMMU_GET_INFO: chained(vfio.vfio_iommu_type1_info),
  VFIO_IOMMU_MAP_DMA: vfio.vfio_iommu_type1_dma_map,
  VFIO_IOMMU_UNMAP_DMA: unmap,
  VFIO_IOMMU_DIRTY_PAGES: dirty,
};

function commands(): Record<string, Command> {
  const numbers = Object.values(vfio.description.commands);
  return Object.fromEntries(
    numbers.map(({ name, request }) => [
      name,
      command(name, request, request, undefined, ARGUMENTS[name]),
    ]),
  );
}

export const description = describe({
  header: vfio.description.header,
  source: vfio.description.source,
  structs: () => vfio.description.structs,
  commands,
  constants: () => vfio.description.constants,
  enums: () => vfio.description.enums,
});
