import koffi from 'koffi';
import type { Access } from './access.ts';
import { type CallOutcome, outcomeOf } from './call-outcome.ts';
import { E } from './errno.ts';
import {
  DRM_CLOEXEC,
  DRM_IOCTL_AUTH_MAGIC,
  DRM_IOCTL_GEM_CLOSE,
  DRM_IOCTL_GET_CAP,
  DRM_IOCTL_MODE_CREATE_DUMB,
  DRM_IOCTL_MODE_MAP_DUMB,
  DRM_IOCTL_PRIME_FD_TO_HANDLE,
  DRM_IOCTL_PRIME_HANDLE_TO_FD,
  DRM_IOCTL_VERSION,
  DRM_RDWR,
  drm_auth,
  drm_gem_close,
  drm_get_cap,
  drm_prime_handle,
  drm_version,
} from './headers/drm/drm.ts';
import { drm_mode_create_dumb, drm_mode_map_dumb } from './headers/drm/drm-mode.ts';
import { tryIoctl } from './ioctl.ts';

/** What the DRM core does for every GEM driver. Source: drivers/gpu/drm/drm_{ioctl,gem,prime}.c */

export interface DrmVersion {
  readonly name: string;
  readonly major: number;
  readonly minor: number;
  readonly patchLevel: number;
}

/** DRM_IOCTL_VERSION: the driver's name, which is how user space tells drivers apart. */
export function tryVersion(fd: number): CallOutcome<DrmVersion> {
  const name = Buffer.alloc(64);
  const arg = drm_version.make({ name: koffi.address(name), name_len: BigInt(name.length) });
  const { errno } = tryIoctl(fd, DRM_IOCTL_VERSION, arg);
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_VERSION.name };
  const { version_major, version_minor, version_patchlevel, name_len } = drm_version.decode(arg);
  const text = name.toString('utf8', 0, Math.min(name.length, Number(name_len)));
  const numbers = { major: version_major, minor: version_minor, patchLevel: version_patchlevel };
  return { ok: true, value: { name: text, ...numbers } };
}

/** The value of one of DRM_CAP_…; EINVAL when the kernel does not know it. Source: drm_getcap() */
export function tryCapability(fd: number, capability: bigint): CallOutcome<bigint> {
  const arg = drm_get_cap.make({ capability });
  const { errno } = tryIoctl(fd, DRM_IOCTL_GET_CAP, arg);
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_GET_CAP.name };
  return { ok: true, value: drm_get_cap.get(arg, 'value') };
}

/**
 * Whether the session is the device's master, as the first one that opens its card is: asked by a magic that
 * nobody has, which changes nothing. Source: drm_auth.c, drm_master_open(), drm_authmagic()
 */
export function isMaster(fd: number): boolean {
  return tryIoctl(fd, DRM_IOCTL_AUTH_MAGIC, drm_auth.make({ magic: 0 })).errno !== E.EACCES;
}

/** A GEM object known by its handle. */
export interface GemBuffer {
  readonly handle: number;
  /** Bytes, rounded up to pages. */
  readonly size: bigint;
}

/** Rows of 64 KiB at most, so that drivers which pad the pitch pad little. */
const ROW_BYTES = 65536n;

/**
 * A dumb buffer of at least `size` bytes, one byte a pixel: a single row up to 64 KiB, then rows of
 * 64 KiB. Sizes beyond 65535 rows of 4 GiB cannot be said in the struct: E2BIG without a call.
 * Source: drivers/gpu/drm/drm_dumb_buffers.c, drm_mode_create_dumb()
 */
export function createDumb(fd: number, size: bigint): CallOutcome<GemBuffer> {
  const width = size > ROW_BYTES ? ROW_BYTES : size;
  const height = size > ROW_BYTES ? (size + ROW_BYTES - 1n) / ROW_BYTES : 1n;
  if (height > 0xffffffffn)
    return { ok: false, errno: E.E2BIG, call: 'no dumb buffer is so large' };
  const arg = drm_mode_create_dumb.make({ width: Number(width), height: Number(height), bpp: 8 });
  const { errno } = tryIoctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, arg);
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_MODE_CREATE_DUMB.name };
  const value = {
    handle: drm_mode_create_dumb.get(arg, 'handle'),
    size: drm_mode_create_dumb.get(arg, 'size'),
  };
  return { ok: true, value };
}

/** The offset at which mmap(2) of the device finds a dumb buffer. Source: drm_mode_mmap_dumb() */
export function dumbMapOffset(fd: number, handle: number): CallOutcome<bigint> {
  const arg = drm_mode_map_dumb.make({ handle });
  const { errno } = tryIoctl(fd, DRM_IOCTL_MODE_MAP_DUMB, arg);
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_MODE_MAP_DUMB.name };
  return { ok: true, value: drm_mode_map_dumb.get(arg, 'offset') };
}

/** Source: drivers/gpu/drm/drm_gem.c, drm_gem_close_ioctl() */
export function gemClose(fd: number, handle: number): CallOutcome<undefined> {
  const arg = drm_gem_close.make({ handle });
  return outcomeOf(tryIoctl(fd, DRM_IOCTL_GEM_CLOSE, arg), DRM_IOCTL_GEM_CLOSE.name);
}

/** Source: drivers/gpu/drm/drm_prime.c, drm_gem_prime_handle_to_fd() */
export function primeHandleToFd(
  fd: number,
  handle: number,
  how: { readonly access?: Access; readonly closeOnExec?: boolean },
): CallOutcome<number> {
  const writable = (how.access ?? 'read-write') !== 'read';
  const flags = (writable ? DRM_RDWR : 0) | (how.closeOnExec === false ? 0 : DRM_CLOEXEC);
  const arg = drm_prime_handle.make({ handle, flags, fd: -1 });
  const { errno } = tryIoctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, arg);
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_PRIME_HANDLE_TO_FD.name };
  return { ok: true, value: drm_prime_handle.get(arg, 'fd') };
}

/** Source: drm_prime.c, drm_gem_prime_fd_to_handle() */
export function primeFdToHandle(fd: number, dmabuf: number): CallOutcome<number> {
  const arg = drm_prime_handle.make({ fd: dmabuf });
  const { errno } = tryIoctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, arg);
  if (errno !== 0) return { ok: false, errno, call: DRM_IOCTL_PRIME_FD_TO_HANDLE.name };
  return { ok: true, value: drm_prime_handle.get(arg, 'handle') };
}
