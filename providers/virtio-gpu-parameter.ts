import koffi from 'koffi';
import {
  DRM_IOCTL_VIRTGPU_GETPARAM,
  drm_virtgpu_getparam,
} from '../uapi/headers/drm/virtgpu-drm.ts';
import { tryIoctl } from '../uapi/ioctl.ts';
import type { Outcome } from './contract.ts';

/**
 * One of VIRTGPU_PARAM_…; EINVAL when the kernel does not know it. The value goes through a pointer
 * and is an int. Source: drivers/gpu/drm/virtio/virtgpu_ioctl.c, virtio_gpu_getparam_ioctl()
 */
export function tryParameter(fd: number, parameter: number): Outcome<number> {
  const value = Buffer.alloc(4);
  const arg = drm_virtgpu_getparam.make({ param: parameter, value: koffi.address(value) });
  const { errno } = tryIoctl(fd, DRM_IOCTL_VIRTGPU_GETPARAM, arg);
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_VIRTGPU_GETPARAM.name };
  return { ok: true, value: value.readInt32LE() };
}
