import {
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_PCI_BAR0_REGION_INDEX,
  VFIO_PCI_CONFIG_REGION_INDEX,
  vfio_region_info,
} from '../uapi/headers/linux/vfio.ts';
import { tryPread, tryPwrite } from '../uapi/sys.ts';
import type { Outcome } from './contract.ts';
import { call } from './vfio-call.ts';

/** Parts of the device by pread(2) and pwrite(2) at the offset that the kernel names for them. */

export interface Region {
  readonly fd: number;
  readonly offset: bigint;
  /** Bytes. */
  readonly size: bigint;
}

export const CONFIG = VFIO_PCI_CONFIG_REGION_INDEX;
export const BAR0 = VFIO_PCI_BAR0_REGION_INDEX;

/** A register of the configuration, and bits of it. Source: include/uapi/linux/pci_regs.h */
export const PCI_COMMAND = 4;
export const PCI_COMMAND_MEMORY = 2n;
export const PCI_COMMAND_MASTER = 4n;

export function region(fd: number, index: number): Outcome<Region> {
  const info = vfio_region_info.make({ argsz: vfio_region_info.size, index });
  const asked = call(fd, VFIO_DEVICE_GET_REGION_INFO, info);
  if (!asked.ok) return asked;
  const [offset, size] = [vfio_region_info.get(info, 'offset'), vfio_region_info.get(info, 'size')];
  return { ok: true, value: { fd, offset, size } };
}

export function readRegister(
  { fd, offset }: Region,
  at: number,
  bytes: 2 | 4 | 8,
): Outcome<bigint> {
  const word = Buffer.alloc(8);
  const { errno } = tryPread(fd, word.subarray(0, bytes), offset + BigInt(at));
  if (errno !== 0) return { ok: false, errno, call: `pread at 0x${at.toString(16)}` };
  return { ok: true, value: word.readBigUInt64LE() };
}

export function writeRegister(
  { fd, offset }: Region,
  at: number,
  bytes: 2 | 4 | 8,
  value: bigint,
): Outcome<undefined> {
  const word = Buffer.alloc(8);
  word.writeBigUInt64LE(value);
  const { errno } = tryPwrite(fd, word.subarray(0, bytes), offset + BigInt(at));
  if (errno !== 0) return { ok: false, errno, call: `pwrite at 0x${at.toString(16)}` };
  return { ok: true, value: undefined };
}
