import { drmDevices } from '../../uapi/sysfs-drm.ts';
import { CONTRACT_VERSION, type Device, type Provider } from '../contract.ts';
import { drmDevice, openDrm, probeDrm } from '../drm-device.ts';
import { dumbSession } from '../drm-session.ts';

/**
 * The device that the module makes when it is loaded: a platform device up to 6.16, a faux device
 * after, both of that name, so the address names the device and not its bus. Those that configfs
 * makes have names of their own.
 * Source: drivers/gpu/drm/vkms/vkms_drv.c, vkms_create()
 */
function find(): readonly Device[] {
  return drmDevices()
    .filter((device) => device.name === 'vkms')
    .flatMap((device) => drmDevice(device, `vkms@${device.name}`, { where: 'software driver' }));
}

/** vkms, mode setting without a display: shmem buffers, PRIME both ways, a writeback connector. */
export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'vkms',
  title: 'Virtual Kernel Mode Setting',
  driver: 'vkms',
  offers: [
    'alloc',
    'alloc-odd',
    'dumb-depths',
    'map',
    'offset-map',
    'export',
    'export-access',
    'import',
    'handles',
    'sync-file',
    'sync-file-deadline',
    'drm',
    'drm-root',
    'modeset',
    'dumb',
  ],
  headers: ['drm/drm', 'drm/drm-mode'],
  find,
  probe: (device) => probeDrm(device, dumbSession),
  open: (device, how) => openDrm(device, how, dumbSession),
  adopt: (_device, fd) => dumbSession(fd),
};
