import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { sysfsEntries, sysfsTarget, sysfsText } from '../uapi/sysfs.ts';
import { memoryModel } from './vfio-bar.ts';
import { isEdu } from './vfio-edu.ts';

const DRIVER = '/sys/bus/pci/drivers/vfio-pci';

/** A PCI function's name on its bus: domain, bus, slot, function. */
const PCI_NAME = /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** A PCI function that vfio-pci is bound to and that is in an IOMMU group. */
export interface VfioFunction {
  /** `0000:00:03.0` */
  readonly name: string;
  /** The node of its group. */
  readonly groupNode: string;
  /** Its own node, which it has where the kernel has iommufd. */
  readonly cdev: string | undefined;
  readonly identity: Readonly<Record<string, string>>;
}

/**
 * Binding a function is the business of whoever owns the machine; here nothing is written.
 * Source: drivers/vfio/group.c, vfio_register_group_dev() and vfio_group_devnode();
 * drivers/vfio/device_cdev.c, vfio_cdev_init()
 */
export function vfioFunctions(): readonly VfioFunction[] {
  return sysfsEntries(DRIVER)
    .filter((name) => PCI_NAME.test(name))
    .flatMap(functionAt);
}

function functionAt(name: string): readonly VfioFunction[] {
  const path = `${DRIVER}/${name}`;
  const group = sysfsTarget(`${path}/iommu_group`);
  if (group === undefined) return [];
  const number = basename(group);
  const pci = pciId(path);
  const model = isEdu(pci) ? 'edu' : memoryModel(pci);
  const cdev = sysfsEntries(`${path}/vfio-dev`).find((entry) => entry.startsWith('vfio'));
  const identity = {
    where: EMULATED_VENDORS.includes(pci.slice(0, 4)) ? 'emulated device' : 'metal',
    pci,
    group: number,
    companions: companions(group, name).join(' ') || 'none',
    ...(model === undefined ? {} : { model }),
    sessions: 'one',
  };
  const noIommu = sysfsText(`${group}/name`) === 'vfio-noiommu';
  const node = `/dev/vfio/devices/${cdev}`;
  return [
    {
      name,
      groupNode: `/dev/vfio/${noIommu ? 'noiommu-' : ''}${number}`,
      cdev: cdev !== undefined && existsSync(node) ? node : undefined,
      identity,
    },
  ];
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
