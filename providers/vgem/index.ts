import { openDeviceFile } from '../../uapi/device-file.ts';
import { probeSyncFile } from '../../uapi/dma-buf-features.ts';
import { tryVersion } from '../../uapi/drm.ts';
import { errnoName } from '../../uapi/errno.ts';
import { tryClose } from '../../uapi/sys.ts';
import { pageSize } from '../../uapi/sys-memory.ts';
import { type DrmNodes, drmDevices } from '../../uapi/sysfs-drm.ts';
import {
  CONTRACT_VERSION,
  type Device,
  type OpenRequest,
  type Outcome,
  type Probe,
  type Provider,
  type Session,
} from '../contract.ts';
import { createSession } from './session.ts';

/**
 * vgem has no bus of its own: a platform device up to 6.14, a faux device after. Both are named
 * `vgem`, so the address names the device and not its bus.
 * Source: drivers/gpu/drm/vgem/vgem_drv.c, vgem_init()
 */
function find(): readonly Device[] {
  return drmDevices()
    .filter((device) => device.name === 'vgem')
    .flatMap((device) => asDevice(device));
}

function asDevice({ name, primary, render }: DrmNodes): readonly Device[] {
  if (primary === undefined) return [];
  const otherNodes: Record<string, string> = render === undefined ? {} : { render };
  const identity = { where: 'software driver' };
  return [{ address: `vgem@${name}`, node: primary, otherNodes, identity }];
}

function open(device: Device, how: OpenRequest): Outcome<Session> {
  const { render } = device.otherNodes;
  const node = how.node === 'render' && render !== undefined ? render : device.node;
  const opened = openDeviceFile(node, how);
  return opened.ok ? { ok: true, value: createSession(opened.value) } : opened;
}

function probe(device: Device): Outcome<Probe> {
  const opened = open(device, {});
  if (!opened.ok) return opened;
  const session = opened.value;
  const version = tryVersion(session.fd);
  const missing = { ...probeBuffer(session), ...probeNodes(device) };
  session.close();
  if (!version.ok) return { ok: false, errno: version.errno, call: 'DRM_IOCTL_VERSION' };
  const { name, major, minor, patchLevel } = version.value;
  const identity = { driver: name, version: `${major}.${minor}.${patchLevel}` };
  return { ok: true, value: { missing, identity } };
}

function probeNodes(device: Device): Probe['missing'] {
  if (device.otherNodes['render'] !== undefined) return {};
  return { 'render-node': 'sysfs shows no render node' };
}

/** Exports one page to learn what the kernel's dma-buf core can do with it. */
function probeBuffer(session: Session): Probe['missing'] {
  const allocated = session.alloc?.({ size: BigInt(pageSize()) });
  if (allocated?.ok !== true) return { alloc: `answers ${errnoName(allocated?.errno ?? 0)}` };
  const exported = session.exportDmabuf?.(allocated.value, {});
  if (exported?.ok !== true) return { export: `answers ${errnoName(exported?.errno ?? 0)}` };
  const missing = probeSyncFile(exported.value);
  tryClose(exported.value);
  return missing;
}

/** vgem, the virtual GEM driver: shmem buffers, PRIME both ways, and fences that user space signals. */
export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'vgem',
  title: 'Virtual GEM',
  driver: 'vgem',
  offers: [
    'alloc',
    'map',
    'offset-map',
    'export',
    'export-access',
    'import',
    'fence',
    'handles',
    'sync-file',
    'sync-file-deadline',
    'render-node',
  ],
  headers: ['drm/vgem-drm', 'drm/drm', 'drm/drm-mode'],
  find,
  probe,
  open,
  adopt: (_device, fd) => createSession(fd),
};
