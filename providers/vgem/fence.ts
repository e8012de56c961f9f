import { outcomeOf } from '../../uapi/call-outcome.ts';
import {
  DRM_IOCTL_VGEM_FENCE_ATTACH,
  DRM_IOCTL_VGEM_FENCE_SIGNAL,
  drm_vgem_fence_attach,
  drm_vgem_fence_signal,
  VGEM_FENCE_WRITE,
} from '../../uapi/headers/drm/vgem-drm.ts';
import { tryIoctl } from '../../uapi/ioctl.ts';
import type { Outcome, SoftwareFence } from '../contract.ts';

/**
 * A fence on the buffer's reservation object, as a job would leave it; it signals by itself after
 * 10 s. Source: drivers/gpu/drm/vgem/vgem_fence.c, vgem_fence_attach_ioctl()
 */
export function attachFence(
  fd: number,
  handle: number,
  access: 'read' | 'write',
): Outcome<SoftwareFence> {
  const flags = access === 'write' ? VGEM_FENCE_WRITE : 0;
  const arg = drm_vgem_fence_attach.make({ handle, flags });
  const { errno } = tryIoctl(fd, DRM_IOCTL_VGEM_FENCE_ATTACH, arg);
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_VGEM_FENCE_ATTACH.name };
  return { ok: true, value: { id: drm_vgem_fence_attach.get(arg, 'out_fence') } };
}

/** Source: vgem_fence.c, vgem_fence_signal_ioctl() */
export function signalFence(fd: number, fence: SoftwareFence): Outcome<undefined> {
  const arg = drm_vgem_fence_signal.make({ fence: fence.id });
  const result = tryIoctl(fd, DRM_IOCTL_VGEM_FENCE_SIGNAL, arg);
  return outcomeOf(result, DRM_IOCTL_VGEM_FENCE_SIGNAL.name);
}
