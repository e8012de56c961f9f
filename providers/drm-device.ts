import { basename } from 'node:path';
import { openDeviceFile } from '../uapi/device-file.ts';
import { probeSyncFile } from '../uapi/dma-buf-features.ts';
import { isMaster, tryCapability, tryVersion } from '../uapi/drm.ts';
import { errnoName } from '../uapi/errno.ts';
import {
  DRM_CAP_DUMB_BUFFER,
  DRM_CAP_SYNCOBJ,
  DRM_CAP_SYNCOBJ_TIMELINE,
} from '../uapi/headers/drm/drm.ts';
import { isSystemAdministrator } from '../uapi/privilege.ts';
import { tryClose } from '../uapi/sys.ts';
import { pageSize } from '../uapi/sys-memory.ts';
import { sysfsTarget } from '../uapi/sysfs.ts';
import { type DrmNodes, drmDevices } from '../uapi/sysfs-drm.ts';
import type { Capability, Device, OpenRequest, Outcome, Probe, Session } from './contract.ts';
import { slotOf } from './pci-slot.ts';

/** How the devices of DRM drivers are found, opened and probed; what all of them have in common. */

/** The devices that a kernel driver is bound to: `virtio_gpu`, `qxl`. */
export function drmNodesOf(driver: string): readonly DrmNodes[] {
  return drmDevices().filter(
    ({ path }) => basename(sysfsTarget(`${path}/driver`) ?? '') === driver,
  );
}

/**
 * The nodes of a device under the contract's names: its card, or its node of a compute accelerator. A device
 * with neither is none.
 */
export function drmDevice(
  nodes: DrmNodes,
  address: string,
  identity: Device['identity'],
): readonly Device[] {
  const { primary, render, accel } = nodes;
  const node = primary ?? accel;
  if (node === undefined) return [];
  const otherNodes: Record<string, string> = render === undefined ? {} : { render };
  const known = { ...identity, ...slotOf(nodes.path) };
  return [{ address, node, otherNodes, identity: known }];
}

export function openDrm(
  device: Device,
  how: OpenRequest,
  createSession: (fd: number) => Session,
): Outcome<Session> {
  const { render } = device.otherNodes;
  const node = how.node === 'render' && render !== undefined ? render : device.node;
  const opened = openDeviceFile(node, how);
  return opened.ok ? { ok: true, value: createSession(opened.value) } : opened;
}

/** What the core and a buffer of one page tell of a device; `more` finds out the driver's own. */
export function probeDrm(
  device: Device,
  createSession: (fd: number) => Session,
  more: (session: Session) => Partial<Probe> = () => ({}),
): Outcome<Probe> {
  const opened = openDrm(device, {}, createSession);
  if (!opened.ok) return opened;
  const session = opened.value;
  const version = tryVersion(session.fd);
  const own = version.ok ? more(session) : {};
  const missing = { ...missingOfCore(device, session.fd), ...missingOfBuffer(session) };
  session.close();
  if (!version.ok) return { ok: false, errno: version.errno, call: 'DRM_IOCTL_VERSION' };
  const { name, major, minor, patchLevel } = version.value;
  const identity = { driver: name, version: `${major}.${minor}.${patchLevel}` };
  const value = {
    missing: { ...missing, ...own.missing },
    identity: { ...identity, ...own.identity },
  };
  return { ok: true, value };
}

/** Source: drivers/gpu/drm/drm_ioctl.c, drm_getcap() */
const CORE_CAPABILITIES = [
  ['dumb', 'DRM_CAP_DUMB_BUFFER', DRM_CAP_DUMB_BUFFER],
  ['syncobj', 'DRM_CAP_SYNCOBJ', DRM_CAP_SYNCOBJ],
  ['syncobj-timeline', 'DRM_CAP_SYNCOBJ_TIMELINE', DRM_CAP_SYNCOBJ_TIMELINE],
] as const;

function noMaster({ node }: Device): string {
  if (/^accel\d+$/.test(basename(node))) return 'nobody is master of an accelerator';
  return 'another process is master of the card: end the compositor that shows images on it';
}

function missingOfCore(device: Device, fd: number): Probe['missing'] {
  const missing: Partial<Record<Capability, string>> = {};
  for (const [capability, name, number] of CORE_CAPABILITIES) {
    const told = tryCapability(fd, BigInt(number));
    if (!told.ok) missing[capability] = `${name} answers ${errnoName(told.errno)}`;
    else if (told.value === 0n) missing[capability] = `${name} is 0`;
  }
  // Whoever shows something on the card must not lose it, and sessions beside him may do less.
  if (!isMaster(fd)) missing.drm = missing.modeset = noMaster(device);
  // Source: drivers/gpu/drm/drm_ioctl.c, drm_ioctl_permit(), DRM_ROOT_ONLY
  if (!isSystemAdministrator()) missing['drm-root'] = 'without CAP_SYS_ADMIN: EACCES';
  if (device.otherNodes['render'] === undefined) {
    missing['render-node'] = 'sysfs shows no render node';
  }
  return missing;
}

/** Exports one page to learn what the kernel's dma-buf core can do with it. */
function missingOfBuffer(session: Session): Probe['missing'] {
  const allocated = session.alloc?.({ size: BigInt(pageSize()) });
  if (allocated === undefined) return {};
  if (!allocated.ok) return { alloc: `answers ${errnoName(allocated.errno)}` };
  const exported = session.exportDmabuf?.(allocated.value, {});
  if (exported === undefined) return {};
  if (!exported.ok) return { export: `answers ${errnoName(exported.errno)}` };
  const missing = probeSyncFile(exported.value);
  tryClose(exported.value);
  return missing;
}
