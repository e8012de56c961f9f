import { closeDeviceFile, openDeviceFile } from '../../uapi/device-file.ts';
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
import { IOMMU_NODE, missingMapFile } from '../iommufd-space.ts';
import { DmabufSpace } from './dmabufs.ts';

/** Source: drivers/iommu/iommufd/main.c, iommu_misc_dev */
function find(): readonly Device[] {
  if (sysfsTarget('/sys/class/misc/iommu') === undefined) return [];
  const identity = { where: 'software driver', driver: 'iommufd' };
  return [{ address: 'iommufd@iommu', node: IOMMU_NODE, otherNodes: {}, identity }];
}

function open(device: Device, how: OpenRequest): Outcome<Session> {
  const fd = openDeviceFile(device.node, how);
  return fd.ok ? { ok: true, value: sessionOver(fd.value) } : fd;
}

function sessionOver(fd: number): Session {
  const space = new DmabufSpace(fd);
  return {
    fd,
    importDmabuf: (dmabuf) => space.import(dmabuf),
    free: (buffer) => space.free(buffer),
    close: () => closeDeviceFile(fd),
  };
}

function probe(device: Device): Outcome<Probe> {
  const opened = open(device, {});
  if (!opened.ok) return opened;
  const why = missingMapFile(opened.value.fd);
  opened.value.close();
  return { ok: true, value: { missing: why === undefined ? {} : { import: why }, identity: {} } };
}

/** /dev/iommu: I/O address spaces, which are made and filled without any device. */
export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'iommufd',
  title: 'I/O address spaces',
  driver: 'iommufd',
  offers: ['import'],
  headers: ['../iommufd-calls', '../vfio-calls', 'linux/iommufd', 'linux/vfio'],
  find,
  probe,
  open,
  adopt: (_device, fd) => sessionOver(fd),
};
