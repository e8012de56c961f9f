import { closeDeviceFile } from '../uapi/device-file.ts';
import { trySize } from '../uapi/dma-buf.ts';
import {
  createDumb,
  dumbMapOffset,
  gemClose,
  primeFdToHandle,
  primeHandleToFd,
} from '../uapi/drm.ts';
import type { BufferObject, MapPlan, Outcome, Session } from './contract.ts';

/**
 * What the DRM core does for the sessions of every GEM driver: handles, PRIME, dumb buffers. A driver
 * adds its own verbs and replaces those that it does otherwise.
 */
export type DrmSession = Session &
  Required<Pick<Session, 'free' | 'exportDmabuf' | 'importDmabuf' | 'close'>>;

export function drmSession(fd: number): DrmSession {
  return {
    fd,
    free: (buffer) => gemClose(fd, handleOf(buffer)),
    exportDmabuf: (buffer, how) => primeHandleToFd(fd, handleOf(buffer), how),
    importDmabuf: (dmabuf) => importDmabuf(fd, dmabuf),
    close: () => closeDeviceFile(fd),
  };
}

/** A session whose buffers are dumb buffers: of a card node, mapped through it. */
export function dumbSession(fd: number): DrmSession & Required<Pick<Session, 'alloc' | 'map'>> {
  return {
    ...drmSession(fd),
    alloc: (want) => createDumb(fd, want.size),
    map: (buffer) => mapDumb(fd, buffer),
  };
}

/** Source: drivers/gpu/drm/drm_dumb_buffers.c, drm_mode_mmap_dumb() */
export function mapDumb(fd: number, buffer: BufferObject): Outcome<MapPlan> {
  const offset = dumbMapOffset(fd, handleOf(buffer));
  return offset.ok ? { ok: true, value: { fd, offset: offset.value } } : offset;
}

/** PRIME says nothing of the size; the dma-buf itself does. */
function importDmabuf(fd: number, dmabuf: number): Outcome<BufferObject> {
  const imported = primeFdToHandle(fd, dmabuf);
  if (!imported.ok) return imported;
  const size = trySize(dmabuf);
  if (!size.ok) return { ok: false, errno: size.errno, call: 'lseek' };
  return { ok: true, value: { handle: imported.value, size: size.value } };
}

export function handleOf(buffer: BufferObject): number {
  if (buffer.handle === undefined) throw new TypeError('the buffer of another driver: no handle');
  return buffer.handle;
}
