import {
  VFIO_CHECK_EXTENSION,
  VFIO_TYPE1v2_IOMMU,
  vfio_device_info,
} from '../../uapi/headers/linux/vfio.ts';
import { sysfsTarget } from '../../uapi/sysfs.ts';
import {
  CONTRACT_VERSION,
  type Device,
  type OpenRequest,
  type Outcome,
  type Probe,
  type Provider,
  type Session,
} from '../contract.ts';
import { call, deviceInfo } from '../vfio-call.ts';
import { bareSession, functionSession, missingJobs } from '../vfio-session.ts';
import { find } from './find.ts';
import { openFiles } from './open.ts';

function open(device: Device, how: OpenRequest): Outcome<Session> {
  const files = openFiles(device, how);
  return files.ok ? { ok: true, value: functionSession(device, files.value) } : files;
}

function probe(device: Device): Outcome<Probe> {
  const opened = openFiles(device, {});
  if (!opened.ok) return opened;
  const session = functionSession(device, opened.value);
  const { device: fd, others } = opened.value;
  const asked = deviceInfo(fd);
  const v2 = call(others.container, VFIO_CHECK_EXTENSION, BigInt(VFIO_TYPE1v2_IOMMU));
  session.close();
  if (!asked.ok) return asked;
  return {
    ok: true,
    value: {
      missing: missingJobs(device),
      identity: {
        iommu: v2.ok && v2.value !== 0 ? 'type1v2' : 'type1',
        iommufd: iommufdOf(device),
        regions: String(vfio_device_info.get(asked.value, 'num_regions')),
        irqs: String(vfio_device_info.get(asked.value, 'num_irqs')),
      },
    },
  };
}

/** Whether the kernel has the way without container and group; this provider does not take it. */
function iommufdOf(device: Device): string {
  if (sysfsTarget('/sys/class/misc/iommu') === undefined) return 'no /dev/iommu';
  return device.otherNodes['cdev'] === undefined ? 'no character device' : 'there';
}

/**
 * vfio-pci: any PCI function whose driver user space wants to be. Host memory is registered through
 * the container; jobs need code that knows the device, which is here for QEMU's edu.
 */
export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'vfio',
  title: 'PCI functions in user space',
  driver: 'vfio-pci',
  offers: ['register', 'map', 'job-copy'],
  headers: ['../vfio-calls', 'linux/vfio'],
  find,
  probe,
  open,
  adopt: (_device, fd) => bareSession(fd),
};
