import { drmDevices } from '../../uapi/sysfs-drm.ts';
import { CONTRACT_VERSION, type Device, type Provider } from '../contract.ts';
import { drmDevice, openDrm, probeDrm } from '../drm-device.ts';
import { createSession } from './session.ts';

/**
 * vgem has no bus of its own: a platform device up to 6.14, a faux device after. Both are named
 * `vgem`, so the address names the device and not its bus.
 * Source: drivers/gpu/drm/vgem/vgem_drv.c, vgem_init()
 */
function find(): readonly Device[] {
  return drmDevices()
    .filter((device) => device.name === 'vgem')
    .flatMap((device) => drmDevice(device, `vgem@${device.name}`, { where: 'software driver' }));
}

/** vgem, the virtual GEM driver: shmem buffers, PRIME both ways, and fences that user space signals. */
export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'vgem',
  title: 'Virtual GEM',
  driver: 'vgem',
  offers: [
    'alloc',
    'alloc-odd',
    'dumb-depths',
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
    'drm',
    'drm-root',
    'dumb',
  ],
  headers: ['drm/vgem-drm', 'drm/drm', 'drm/drm-mode'],
  find,
  probe: (device) => probeDrm(device, createSession),
  open: (device, how) => openDrm(device, how, createSession),
  adopt: (_device, fd) => createSession(fd),
};
