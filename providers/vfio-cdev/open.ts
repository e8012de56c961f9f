import { openDeviceFile } from '../../uapi/device-file.ts';
import {
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  vfio_device_attach_iommufd_pt,
  vfio_device_bind_iommufd,
} from '../../uapi/headers/linux/vfio.ts';
import { tryClose } from '../../uapi/sys.ts';
import type { Device, OpenRequest, Outcome } from '../contract.ts';
import { addressSpaceMapper, IOMMU_NODE, makeAddressSpace } from '../iommufd-space.ts';
import { call } from '../vfio-call.ts';
import type { FunctionFiles } from '../vfio-session.ts';

/**
 * Opens a function by its own node, binds it to an iommufd, and attaches it to an address space of that.
 * What was opened before a refusal is closed again.
 * Source: drivers/vfio/device_cdev.c, vfio_df_ioctl_bind_iommufd(), vfio_df_ioctl_attach_pt()
 */
export function openFiles(node: Device['node'], how: OpenRequest): Outcome<FunctionFiles> {
  const device = openDeviceFile(node, how);
  if (!device.ok) return device;
  const iommu = openDeviceFile(IOMMU_NODE);
  if (!iommu.ok) {
    tryClose(device.value);
    return iommu;
  }
  const ioas = attach(device.value, iommu.value);
  if (ioas.ok) {
    const mapper = addressSpaceMapper(iommu.value, ioas.value);
    return { ok: true, value: { device: device.value, others: { iommu: iommu.value }, mapper } };
  }
  tryClose(device.value);
  tryClose(iommu.value);
  return ioas;
}

function attach(device: number, iommufd: number): Outcome<number> {
  const { size: argsz } = vfio_device_bind_iommufd;
  const bind = vfio_device_bind_iommufd.make({ argsz, iommufd });
  const bound = call(device, VFIO_DEVICE_BIND_IOMMUFD, bind);
  if (!bound.ok) return bound;
  const ioas = makeAddressSpace(iommufd);
  if (!ioas.ok) return ioas;
  const arg = vfio_device_attach_iommufd_pt.make({
    argsz: vfio_device_attach_iommufd_pt.size,
    pt_id: ioas.value,
  });
  const attached = call(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, arg);
  return attached.ok ? ioas : attached;
}
