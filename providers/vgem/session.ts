import { closeDeviceFile } from '../../uapi/device-file.ts';
import { trySize } from '../../uapi/dma-buf.ts';
import {
  createDumb,
  dumbMapOffset,
  gemClose,
  primeFdToHandle,
  primeHandleToFd,
} from '../../uapi/drm.ts';
import type { BufferObject, MapPlan, Outcome, Session } from '../contract.ts';
import { attachFence, signalFence } from './fence.ts';

export function createSession(fd: number): Session {
  return {
    fd,
    alloc: (want) => createDumb(fd, want.size),
    free: (buffer) => gemClose(fd, handleOf(buffer)),
    map: (buffer) => map(fd, buffer),
    exportDmabuf: (buffer, how) => primeHandleToFd(fd, handleOf(buffer), how),
    importDmabuf: (dmabuf) => importDmabuf(fd, dmabuf),
    attachFence: (buffer, access) => attachFence(fd, handleOf(buffer), access),
    signalFence: (fence) => signalFence(fd, fence),
    close: () => closeDeviceFile(fd),
  };
}

function map(fd: number, buffer: BufferObject): Outcome<MapPlan> {
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

function handleOf(buffer: BufferObject): number {
  if (buffer.handle === undefined) throw new TypeError('the buffer of another driver: no handle');
  return buffer.handle;
}
