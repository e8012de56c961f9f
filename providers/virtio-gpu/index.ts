import { CONTRACT_VERSION, type Provider } from '../contract.ts';
import { openDrm } from '../drm-device.ts';
import { find } from './find.ts';
import { probeVirtioGpu } from './probe.ts';
import { createSession } from './session.ts';

/** virtio-gpu: resources that the host mirrors, and where the host renders, virgl jobs on them. */
export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'virtio-gpu',
  title: 'Virtio GPU',
  driver: 'virtio_gpu',
  offers: [
    'alloc',
    'map',
    'offset-map',
    'export',
    'export-access',
    'import',
    'handles',
    'sync-file',
    'sync-file-deadline',
    'render-node',
    'drm',
    'modeset',
    'dumb',
    'syncobj',
    'syncobj-timeline',
  ],
  headers: ['drm/virtgpu-drm', 'drm/drm', 'drm/drm-mode'],
  find,
  probe: (device) => probeVirtioGpu(device, createSession),
  open: (device, how) => openDrm(device, how, createSession),
  adopt: (_device, fd) => createSession(fd),
};
