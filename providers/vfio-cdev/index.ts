import { VFIO_DEVICE_FLAGS_RESET, vfio_device_info } from '../../uapi/headers/linux/vfio.ts';
import {
  CONTRACT_VERSION,
  type Device,
  type OpenRequest,
  type Outcome,
  type Probe,
  type Provider,
  type Session,
} from '../contract.ts';
import { IOMMU_NODE } from '../iommufd-space.ts';
import { pciPlug, probePciPlug } from '../pci-plug.ts';
import { slotOf } from '../pci-slot.ts';
import { deviceInfo } from '../vfio-call.ts';
import { vfioFunctions } from '../vfio-function.ts';
import { bareSession, functionSession, missingJobs } from '../vfio-session.ts';
import { missingOfDmabufs } from './missing-dmabufs.ts';
import { openFiles } from './open.ts';

function find(): readonly Device[] {
  return vfioFunctions().flatMap(({ name, cdev, identity }) => {
    if (cdev === undefined) return [];
    const address = `vfio-cdev@pci:${name}`;
    const otherNodes = { iommu: IOMMU_NODE };
    const known = { ...identity, driver: 'vfio-cdev', ...slotOf(name) };
    return [{ address, node: cdev, otherNodes, identity: known }];
  });
}

function open(device: Device, how: OpenRequest): Outcome<Session> {
  const files = openFiles(device.node, how);
  return files.ok ? { ok: true, value: functionSession(device, files.value) } : files;
}

function probe(device: Device): Outcome<Probe> {
  const opened = open(device, {});
  if (!opened.ok) return opened;
  const missing = {
    ...missingJobs(device),
    ...missingOfDmabufs(device, opened.value),
    ...missingReset(opened.value.fd),
    ...probePciPlug(device),
  };
  opened.value.close();
  return { ok: true, value: { missing, identity: {} } };
}

function missingReset(fd: number): Probe['missing'] {
  const info = deviceInfo(fd);
  const flags = info.ok ? vfio_device_info.get(info.value, 'flags') : 0;
  if ((flags & VFIO_DEVICE_FLAGS_RESET) !== 0) return {};
  return { reset: 'the kernel knows no way to reset this function alone' };
}

/** The functions of vfio-pci by their own nodes, with the address spaces of iommufd. */
export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'vfio-cdev',
  title: 'PCI functions in user space, by iommufd',
  driver: 'vfio-cdev',
  offers: [
    'buffer',
    'register',
    'map',
    'export',
    'export-access',
    'import',
    'sync-file',
    'sync-file-deadline',
    'job-copy',
    'job-imported',
    'unplug',
    'reset',
  ],
  headers: ['../iommufd-calls', '../vfio-calls', 'linux/iommufd', 'linux/vfio'],
  find,
  probe,
  open,
  adopt: (_device, fd) => bareSession(fd),
  plug: pciPlug(find),
};
