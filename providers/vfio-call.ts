import { returned } from '../uapi/call-outcome.ts';
import type { Command } from '../uapi/description.ts';
import { VFIO_DEVICE_GET_INFO, vfio_device_info } from '../uapi/headers/linux/vfio.ts';
import { type IoctlArgument, tryIoctl } from '../uapi/ioctl.ts';
import type { Outcome } from './contract.ts';

/** The return value, or the errno and the command. */
export function call(fd: number, command: Command, argument: IoctlArgument): Outcome<number> {
  return returned(tryIoctl(fd, command, argument), command.name);
}

/** A struct vfio_device_info. Source: drivers/vfio/pci/vfio_pci_core.c, vfio_pci_ioctl_get_info() */
export function deviceInfo(fd: number): Outcome<Buffer> {
  const info = vfio_device_info.make({ argsz: vfio_device_info.size });
  const asked = call(fd, VFIO_DEVICE_GET_INFO, info);
  return asked.ok ? { ok: true, value: info } : asked;
}
