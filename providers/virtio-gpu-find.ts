import { basename } from 'node:path';
import { sysfsEntries, sysfsTarget, sysfsText } from '../uapi/sysfs.ts';
import { type DrmNodes, drmDevices } from '../uapi/sysfs-drm.ts';
import type { Device } from './contract.ts';
import { drmDevice } from './drm-device.ts';

/**
 * The DRM nodes hang on the PCI function (or platform device), whose driver is the virtio transport;
 * virtio_gpu is bound to the virtio device below it.
 * Source: drivers/gpu/drm/virtio/virtgpu_drv.c, virtio_gpu_probe()
 */
export function find(): readonly Device[] {
  return drmDevices().flatMap((nodes) => {
    const virtio = virtioDeviceOf(nodes);
    if (virtio === undefined) return [];
    const bus = basename(sysfsTarget(`${nodes.path}/subsystem`) ?? 'virtio');
    const identity = { where: 'emulated device', features: featuresOf(virtio) };
    return drmDevice(nodes, `virtio-gpu@${bus}:${nodes.name}`, identity);
  });
}

function virtioDeviceOf({ path }: DrmNodes): string | undefined {
  const below = sysfsEntries(path).filter((entry) => /^virtio\d+$/.test(entry));
  const candidates = [path, ...below.map((entry) => `${path}/${entry}`)];
  return candidates.find(
    (candidate) => basename(sysfsTarget(`${candidate}/driver`) ?? '') === 'virtio_gpu',
  );
}

/** Feature bits by their number. Source: include/uapi/linux/virtio_gpu.h, VIRTIO_GPU_F_… */
const FEATURES = ['virgl', 'edid', 'resource-uuid', 'resource-blob', 'context-init'] as const;

/** What driver and device agreed on. Source: drivers/virtio/virtio.c, features_show() */
function featuresOf(virtio: string): string {
  const bits = sysfsText(`${virtio}/features`) ?? '';
  return FEATURES.filter((_, bit) => bits[bit] === '1').join(' ');
}

/** Whether a device takes 3D commands; what it says to GETPARAM, without asking it. */
export function hasVirgl(device: Device): boolean {
  return (device.identity['features'] ?? '').split(' ').includes('virgl');
}
