import { E } from '../../uapi/errno.ts';
import {
  DRM_IOCTL_VIRTGPU_RESOURCE_CREATE,
  type DrmVirtgpuResourceCreate,
  drm_virtgpu_resource_create,
} from '../../uapi/headers/drm/virtgpu-drm.ts';
import { tryIoctl } from '../../uapi/ioctl.ts';
import { pageSize } from '../../uapi/sys-memory.ts';
import type { BufferObject, Outcome } from '../contract.ts';
import { resourceInfo } from '../virtio-gpu-resource.ts';

/** Resources: memory of the guest that stands for something that the host made. */

/** A row of an image is a page of 32-bit pixels, so that sizes come out in whole pages. */
const ROW_PIXELS = 1024n;
const PIXEL_BYTES = 4n;
/** Source: include/uapi/linux/virtio_gpu.h, VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM */
const FORMAT_B8G8R8A8 = 1;
/** The only target that a device without 3D takes. Source: virtgpu_ioctl.c */
const TARGET_2D = 2;

/** An image of at least `size` bytes: what a device without 3D has for a buffer. */
export function imageOf(size: bigint): Outcome<Partial<DrmVirtgpuResourceCreate>> {
  const pixels = (size + PIXEL_BYTES - 1n) / PIXEL_BYTES;
  const width = pixels > ROW_PIXELS ? ROW_PIXELS : atLeastOne(pixels);
  const height = (atLeastOne(pixels) + width - 1n) / width;
  return sized(size === 0n ? 0n : width * height * PIXEL_BYTES, {
    target: TARGET_2D,
    format: FORMAT_B8G8R8A8,
    width: Number(width),
    height: Number(height),
    depth: 1,
    array_size: 1,
  });
}

/** Source: virglrenderer, src/virgl_hw.h, VIRGL_FORMAT_R8_UNORM and VIRGL_BIND_VERTEX_BUFFER */
const FORMAT_R8 = 64;
const BIND_VERTEX_BUFFER = 0x10;
const TARGET_BUFFER = 0;

/**
 * A buffer of at least `size` bytes, one byte an element: what a device with 3D has. The host's part
 * is as long as the guest's, in whole pages. Any bind of a buffer would do.
 */
export function bufferOf(size: bigint): Outcome<Partial<DrmVirtgpuResourceCreate>> {
  const page = BigInt(pageSize());
  const pages = (atLeastOne(size) + page - 1n) / page;
  return sized(size, {
    target: TARGET_BUFFER,
    format: FORMAT_R8,
    bind: BIND_VERTEX_BUFFER,
    width: Number((pages * page) & 0xffffffffn),
    height: 1,
    depth: 1,
    array_size: 1,
  });
}

const atLeastOne = (count: bigint): bigint => (count === 0n ? 1n : count);

/** The struct has 32 bits for the size: E2BIG without a call for what they cannot say. */
function sized(
  size: bigint,
  fields: Partial<DrmVirtgpuResourceCreate>,
): Outcome<Partial<DrmVirtgpuResourceCreate>> {
  if (size > 0xffffffffn) return { ok: false, errno: E.E2BIG, call: 'no resource is so large' };
  return { ok: true, value: { ...fields, size: Number(size) } };
}

/**
 * DRM_IOCTL_VIRTGPU_RESOURCE_CREATE; the size is what the kernel says afterwards, since it rounds up
 * and makes a page of nothing. Source: virtgpu_ioctl.c, virtio_gpu_resource_create_ioctl()
 */
export function createResource(
  fd: number,
  want: Outcome<Partial<DrmVirtgpuResourceCreate>>,
): Outcome<BufferObject> {
  if (!want.ok) return want;
  const arg = drm_virtgpu_resource_create.make(want.value);
  const { errno } = tryIoctl(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE, arg);
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_VIRTGPU_RESOURCE_CREATE.name };
  const handle = drm_virtgpu_resource_create.get(arg, 'bo_handle');
  const info = resourceInfo(fd, handle);
  if (!info.ok) return info;
  return { ok: true, value: { handle, size: BigInt(info.value.size) } };
}
