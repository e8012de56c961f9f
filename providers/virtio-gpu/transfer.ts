import { type CallOutcome, outcomeOf } from '../../uapi/call-outcome.ts';
import {
  DRM_IOCTL_VIRTGPU_TRANSFER_FROM_HOST,
  DRM_IOCTL_VIRTGPU_TRANSFER_TO_HOST,
  DRM_IOCTL_VIRTGPU_WAIT,
  drm_virtgpu_3d_transfer_to_host,
  drm_virtgpu_3d_wait,
  VIRTGPU_WAIT_NOWAIT,
} from '../../uapi/headers/drm/virtgpu-drm.ts';
import { tryIoctl } from '../../uapi/ioctl.ts';
import type { BufferObject } from '../contract.ts';
import { handleOf } from '../drm-session.ts';

/**
 * Moves a whole buffer between the guest's pages and the host's copy, and waits for it. Both commands
 * have the same struct. Source: drivers/gpu/drm/virtio/virtgpu_ioctl.c,
 * virtio_gpu_transfer_to_host_ioctl() and virtio_gpu_transfer_from_host_ioctl()
 */
export function transfer(
  fd: number,
  buffer: BufferObject,
  to: 'device' | 'cpu',
): CallOutcome<undefined> {
  const command =
    to === 'device' ? DRM_IOCTL_VIRTGPU_TRANSFER_TO_HOST : DRM_IOCTL_VIRTGPU_TRANSFER_FROM_HOST;
  const handle = handleOf(buffer);
  const box = { w: Number(buffer.size), h: 1, d: 1 };
  const arg = drm_virtgpu_3d_transfer_to_host.make({ bo_handle: handle, box });
  const { errno } = tryIoctl(fd, command, arg);
  if (errno !== 0) return { ok: false, errno, call: command.name };
  return wait(fd, handle, 0);
}

/**
 * DRM_IOCTL_VIRTGPU_WAIT knows two times, none and 15 s: any time but zero is the latter. EBUSY when
 * it is over. Source: virtgpu_ioctl.c, virtio_gpu_wait_ioctl()
 */
export function waitIdle(fd: number, handle: number, timeoutMs: number): CallOutcome<undefined> {
  return wait(fd, handle, timeoutMs === 0 ? VIRTGPU_WAIT_NOWAIT : 0);
}

function wait(fd: number, handle: number, flags: number): CallOutcome<undefined> {
  const arg = drm_virtgpu_3d_wait.make({ handle, flags });
  return outcomeOf(tryIoctl(fd, DRM_IOCTL_VIRTGPU_WAIT, arg), DRM_IOCTL_VIRTGPU_WAIT.name);
}
