import { closeDeviceFile, openDeviceFile } from '../../uapi/device-file.ts';
import { E } from '../../uapi/errno.ts';
import { IOMMU_IOAS_MAP_FILE, iommu_ioas_map_file } from '../../uapi/headers/linux/iommufd.ts';
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
import { IOMMU_NODE, READ_WRITE } from '../iommufd-space.ts';
import { call } from '../vfio-call.ts';
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

/** A kernel that has the command minds that there is no such address space. */
function probe(device: Device): Outcome<Probe> {
  const opened = open(device, {});
  if (!opened.ok) return opened;
  const { size } = iommu_ioas_map_file;
  const arg = iommu_ioas_map_file.make({ size, flags: READ_WRITE, length: 4096n });
  const asked = call(opened.value.fd, IOMMU_IOAS_MAP_FILE, arg);
  opened.value.close();
  const isThere = asked.ok || asked.errno !== E.ENOTTY;
  const missing = isThere ? {} : { import: 'ENOTTY from IOMMU_IOAS_MAP_FILE, new in 6.14' };
  return { ok: true, value: { missing, identity: {} } };
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
