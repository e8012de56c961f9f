import { CONTRACT_VERSION, type Provider } from '../contract.ts';
import { openDrm } from '../drm-device.ts';
import { pciPlug } from '../pci-plug.ts';
import { find } from '../virtio-gpu-find.ts';
import { probeVirtioGpu } from './probe.ts';
import { sessionOf } from './session.ts';

/** virtio-gpu: resources that the host mirrors, and where the host renders, virgl jobs on them. */
export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'virtio-gpu',
  title: 'Virtio GPU',
  driver: 'virtio_gpu',
  offers: [
    'alloc',
    'alloc-odd',
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
    'drm-root',
    'modeset',
    'dumb',
    'syncobj',
    'syncobj-timeline',
    'image-only',
    'plain-resource',
    'plain-context',
    'host-blob',
    'host-context',
    'job-copy',
    'job-fill',
    'job-large',
    'job-imported',
    'job-shadow',
    'job-fence-out',
    'job-fence-in',
    'job-syncobj',
    'unplug',
  ],
  headers: ['drm/virtgpu-drm', 'drm/drm', 'drm/drm-mode'],
  find,
  probe: (device) => probeVirtioGpu(device, sessionOf(device)),
  open: (device, how) => openDrm(device, how, sessionOf(device)),
  adopt: (device, fd) => sessionOf(device)(fd),
  plug: pciPlug(find),
};
