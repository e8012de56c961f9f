import {
  DRM_IOCTL_VIRTGPU_MAP,
  DRM_IOCTL_VIRTGPU_RESOURCE_INFO,
  drm_virtgpu_map,
  drm_virtgpu_resource_info,
} from '../uapi/headers/drm/virtgpu-drm.ts';
import { tryIoctl } from '../uapi/ioctl.ts';
import type { BufferObject, MapPlan, Outcome } from './contract.ts';
import { handleOf } from './drm-session.ts';

export interface ResourceInfo {
  /** The resource's number on the host, by which command streams name it. */
  readonly resource: number;
  /** Bytes. */
  readonly size: number;
}

/** Source: virtgpu_ioctl.c, virtio_gpu_resource_info_ioctl() */
export function resourceInfo(fd: number, handle: number): Outcome<ResourceInfo> {
  const arg = drm_virtgpu_resource_info.make({ bo_handle: handle });
  const { errno } = tryIoctl(fd, DRM_IOCTL_VIRTGPU_RESOURCE_INFO, arg);
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_VIRTGPU_RESOURCE_INFO.name };
  const resource = drm_virtgpu_resource_info.get(arg, 'res_handle');
  return { ok: true, value: { resource, size: drm_virtgpu_resource_info.get(arg, 'size') } };
}

/** Where mmap(2) finds the memory. Source: virtgpu_ioctl.c, virtio_gpu_map_ioctl() */
export function mapResource(fd: number, buffer: BufferObject): Outcome<MapPlan> {
  const arg = drm_virtgpu_map.make({ handle: handleOf(buffer) });
  const { errno } = tryIoctl(fd, DRM_IOCTL_VIRTGPU_MAP, arg);
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_VIRTGPU_MAP.name };
  return { ok: true, value: { fd, offset: drm_virtgpu_map.get(arg, 'offset') } };
}
