import { basename } from 'node:path';
import { sysfsEntries, sysfsTarget, sysfsText } from '../../uapi/sysfs.ts';
import type { Device } from '../contract.ts';
import { isEdu } from './edu.ts';

const DRIVER = '/sys/bus/pci/drivers/vfio-pci';
export const CONTAINER_NODE = '/dev/vfio/vfio';

/** A PCI function's name on its bus: domain, bus, slot, function. */
const PCI_NAME = /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/**
 * PCI functions that vfio-pci is bound to and that are in an IOMMU group. Binding one is the
 * business of whoever owns the machine; here nothing is written.
 * Source: drivers/vfio/group.c, vfio_register_group_dev() and vfio_group_devnode()
 */
export function find(): readonly Device[] {
  return sysfsEntries(DRIVER)
    .filter((name) => PCI_NAME.test(name))
    .flatMap(deviceAt);
}

function deviceAt(name: string): readonly Device[] {
  const path = `${DRIVER}/${name}`;
  const group = sysfsTarget(`${path}/iommu_group`);
  if (group === undefined) return [];
  const number = basename(group);
  const pci = pciId(path);
  const cdev = sysfsEntries(`${path}/vfio-dev`)[0];
  const identity = {
    where: EMULATED_VENDORS.includes(pci.slice(0, 4)) ? 'emulated device' : 'metal',
    driver: 'vfio-pci',
    pci,
    group: number,
    companions: companions(group, name).join(' ') || 'none',
    ...(isEdu(pci) ? { model: 'edu' } : {}),
  };
  const otherNodes: Record<string, string> = { container: CONTAINER_NODE };
  if (cdev !== undefined) otherNodes['cdev'] = `/dev/vfio/devices/${cdev}`;
  const node = `/dev/vfio/${sysfsText(`${group}/name`) === 'vfio-noiommu' ? 'noiommu-' : ''}${number}`;
  return [{ address: `vfio@pci:${name}`, node, otherNodes, identity }];
}

/** Vendors whose PCI devices there are in emulators only: QEMU's own, Red Hat's, virtio. */
const EMULATED_VENDORS = ['1234', '1b36', '1af4'];

function pciId(path: string): string {
  const id = (file: string) => (sysfsText(`${path}/${file}`) ?? '').replace(/^0x/, '');
  return `${id('vendor')}:${id('device')}`;
}

/** The other functions of a group, each with its driver: one that is in use makes it not viable. */
function companions(group: string, own: string): string[] {
  return sysfsEntries(`${group}/devices`)
    .filter((name) => name !== own)
    .map((name) => {
      const driver = sysfsTarget(`/sys/bus/pci/devices/${name}/driver`);
      return `${name}=${driver === undefined ? 'unbound' : basename(driver)}`;
    });
}
