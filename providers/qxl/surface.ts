import { E } from '../../uapi/errno.ts';
import {
  DRM_IOCTL_QXL_ALLOC,
  DRM_IOCTL_QXL_ALLOC_SURF,
  DRM_IOCTL_QXL_MAP,
  drm_qxl_alloc,
  drm_qxl_alloc_surf,
  drm_qxl_map,
} from '../../uapi/headers/drm/qxl-drm.ts';
import { tryIoctl } from '../../uapi/ioctl.ts';
import { pageSize } from '../../uapi/sys-memory.ts';
import type { BufferObject, MapPlan, Outcome } from '../contract.ts';
import { handleOf } from '../drm-session.ts';
import { PIXEL_BYTES, ROW_BYTES } from './geometry.ts';

/** enum SpiceSurfaceFmt of drivers/gpu/drm/qxl/qxl_dev.h: 32 bits a pixel, of which 24 are colour. */
const SPICE_SURFACE_FMT_32_xRGB = 32;
const MOST_ROWS = 0xffffffffn;

/**
 * A surface of at least `size` bytes, which jobs can draw on. The kernel adds one row to those asked
 * for, which belongs to the buffer and not to the surface. More than 2^32 rows cannot be said in the
 * struct: E2BIG without a call. Source: drivers/gpu/drm/qxl/qxl_ioctl.c, qxl_alloc_surf_ioctl()
 */
export function allocSurface(fd: number, size: bigint): Outcome<BufferObject> {
  const rows = (size + ROW_BYTES - 1n) / ROW_BYTES;
  if (rows > MOST_ROWS) return { ok: false, errno: E.E2BIG, call: 'no surface is so large' };
  const arg = drm_qxl_alloc_surf.make({
    format: SPICE_SURFACE_FMT_32_xRGB,
    width: Number(ROW_BYTES / PIXEL_BYTES),
    height: Number(rows),
    stride: Number(ROW_BYTES),
  });
  const { errno } = tryIoctl(fd, DRM_IOCTL_QXL_ALLOC_SURF, arg);
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_QXL_ALLOC_SURF.name };
  const handle = drm_qxl_alloc_surf.get(arg, 'handle');
  const jobBytes = rows * ROW_BYTES;
  return { ok: true, value: { handle, size: jobBytes + ROW_BYTES, jobBytes } };
}

/** The rows that jobs can reach. */
export function rowsOf(buffer: BufferObject): number {
  return Number(buffer.size / ROW_BYTES) - 1;
}

/** One page of video memory, for what a command points to. Source: qxl_ioctl.c, qxl_alloc_ioctl() */
export function allocPage(fd: number): Outcome<BufferObject> {
  const size = pageSize();
  const arg = drm_qxl_alloc.make({ size });
  const { errno } = tryIoctl(fd, DRM_IOCTL_QXL_ALLOC, arg);
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_QXL_ALLOC.name };
  return { ok: true, value: { handle: drm_qxl_alloc.get(arg, 'handle'), size: BigInt(size) } };
}

/** Source: qxl_ioctl.c, qxl_map_ioctl() */
export function mapSurface(fd: number, buffer: BufferObject): Outcome<MapPlan> {
  const arg = drm_qxl_map.make({ handle: handleOf(buffer) });
  const { errno } = tryIoctl(fd, DRM_IOCTL_QXL_MAP, arg);
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_QXL_MAP.name };
  return { ok: true, value: { fd, offset: drm_qxl_map.get(arg, 'offset') } };
}
