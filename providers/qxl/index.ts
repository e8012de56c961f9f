import { CONTRACT_VERSION, type Device, type Provider } from '../contract.ts';
import { drmDevice, drmNodesOf, openDrm, probeDrm } from '../drm-device.ts';
import { pciPlug, probePciPlug } from '../pci-plug.ts';
import { createSession } from './session.ts';

/** A PCI function: `0000:00:12.0`. Source: drivers/gpu/drm/qxl/qxl_drv.c, qxl_pci_probe() */
function find(): readonly Device[] {
  return drmNodesOf('qxl').flatMap((nodes) =>
    drmDevice(nodes, `qxl@pci:${nodes.name}`, { where: 'emulated device' }),
  );
}

/** qxl, the paravirtual display of SPICE: surfaces that the host draws on, as commands tell it. */
export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'qxl',
  title: 'QXL',
  driver: 'qxl',
  offers: [
    'alloc',
    'alloc-odd',
    'map',
    'offset-map',
    'export',
    'export-access',
    'handles',
    'sync-file',
    'sync-file-deadline',
    'drm',
    'drm-root',
    'modeset',
    'dumb',
    'job-copy',
    'job-fill',
    'job-large',
    'unplug',
  ],
  headers: ['drm/qxl-drm', 'drm/drm', 'drm/drm-mode'],
  find,
  probe: (device) => probeDrm(device, createSession, () => ({ missing: probePciPlug(device) })),
  open: (device, how) => openDrm(device, how, createSession),
  adopt: (_device, fd) => createSession(fd),
  plug: pciPlug(find),
};
