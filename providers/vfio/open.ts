import { openDeviceFile } from '../../uapi/device-file.ts';
import { E } from '../../uapi/errno.ts';
import {
  VFIO_CHECK_EXTENSION,
  VFIO_GROUP_FLAGS_VIABLE,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_SET_IOMMU,
  VFIO_TYPE1_IOMMU,
  VFIO_TYPE1v2_IOMMU,
  vfio_group_status,
} from '../../uapi/headers/linux/vfio.ts';
import { tryClose } from '../../uapi/sys.ts';
import type { Device, OpenRequest, Outcome } from '../contract.ts';
import { call } from '../vfio-call.ts';
import type { FunctionFiles } from '../vfio-session.ts';
import { containerMapper } from './container.ts';
import { CONTAINER_NODE } from './find.ts';

/**
 * Container, group, IOMMU, device, in the only order that works: the IOMMU's driver is chosen by the
 * first group, and the device is had after that. What was opened before a refusal is closed again.
 * Source: Documentation/driver-api/vfio.rst; drivers/vfio/container.c, group.c
 */
export function openFiles(
  device: Device,
  how: OpenRequest,
): Outcome<FunctionFiles<'group' | 'container'>> {
  const opened: number[] = [];
  const keep = (outcome: Outcome<number>): Outcome<number> => {
    if (outcome.ok) opened.push(outcome.value);
    return outcome;
  };
  const made = openAll(device, how, keep);
  if (!made.ok) for (const fd of opened.reverse()) tryClose(fd);
  return made;
}

function openAll(
  device: Device,
  how: OpenRequest,
  keep: (outcome: Outcome<number>) => Outcome<number>,
): Outcome<FunctionFiles<'group' | 'container'>> {
  const group = keep(openDeviceFile(device.node, how));
  if (!group.ok) return group;
  const viable = checkViable(group.value, device);
  if (!viable.ok) return viable;
  const container = keep(openDeviceFile(CONTAINER_NODE));
  if (!container.ok) return container;
  const joined = call(group.value, VFIO_GROUP_SET_CONTAINER, descriptor(container.value));
  if (!joined.ok) return joined;
  const iommu = chooseIommu(container.value);
  if (!iommu.ok) return iommu;
  const name = Buffer.from(`${device.address.slice('vfio@pci:'.length)}\0`);
  const fd = keep(call(group.value, VFIO_GROUP_GET_DEVICE_FD, name));
  if (!fd.ok) return fd;
  const others = { group: group.value, container: container.value };
  const mapper = containerMapper(container.value);
  return { ok: true, value: { device: fd.value, others, mapper } };
}

/** EPERM with the reason: the kernel says so only when the device is asked for. */
function checkViable(group: number, device: Device): Outcome<number> {
  const status = vfio_group_status.make({ argsz: vfio_group_status.size });
  const asked = call(group, VFIO_GROUP_GET_STATUS, status);
  if (!asked.ok) return asked;
  if ((vfio_group_status.get(status, 'flags') & VFIO_GROUP_FLAGS_VIABLE) !== 0) return asked;
  const others = device.identity['companions'] ?? '';
  return {
    ok: false,
    errno: E.EPERM,
    call: `VFIO_GROUP_GET_STATUS: group ${device.identity['group']} is not viable (${others})`,
  };
}

/** Version 2 of type 1 where the kernel has it: it unmaps whole mappings only. */
function chooseIommu(container: number): Outcome<number> {
  const v2 = call(container, VFIO_CHECK_EXTENSION, BigInt(VFIO_TYPE1v2_IOMMU));
  if (!v2.ok) return v2;
  const type = v2.value === 0 ? VFIO_TYPE1_IOMMU : VFIO_TYPE1v2_IOMMU;
  return call(container, VFIO_SET_IOMMU, BigInt(type));
}

function descriptor(fd: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(fd);
  return bytes;
}
