import {
  F_ADD_SEALS,
  F_SEAL_SHRINK,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
} from '../../uapi/constants.ts';
import {
  type DescriptorBuffer,
  descriptorBuffer,
  descriptorBufferVerbs,
} from '../../uapi/descriptor-buffer.ts';
import { closeDeviceFile } from '../../uapi/device-file.ts';
import {
  UDMABUF_CREATE,
  UDMABUF_FLAGS_CLOEXEC,
  udmabuf_create,
} from '../../uapi/headers/linux/udmabuf.ts';
import { tryIoctl } from '../../uapi/ioctl.ts';
import { tryClose } from '../../uapi/sys.ts';
import { tryFcntl, tryFtruncate } from '../../uapi/sys-file.ts';
import { tryMemfdCreate } from '../../uapi/sys-memory.ts';
import type { AllocRequest, Outcome, RegisterRequest, Session } from '../contract.ts';

export function createSession(fd: number): Session {
  return {
    fd,
    alloc: (want) => alloc(fd, want),
    register: (want) => register(fd, want),
    ...descriptorBufferVerbs,
    close: () => closeDeviceFile(fd),
  };
}

/** UDMABUF_CREATE; the descriptor is the return value. Source: udmabuf.c, udmabuf_ioctl_create() */
function register(udmabuf: number, want: RegisterRequest): Outcome<DescriptorBuffer> {
  const arg = udmabuf_create.make({
    memfd: want.memfd,
    flags: want.closeOnExec === false ? 0 : UDMABUF_FLAGS_CLOEXEC,
    offset: want.offset,
    size: want.size,
  });
  const { ret, errno } = tryIoctl(udmabuf, UDMABUF_CREATE, arg);
  if (errno !== 0) return { ok: false, errno, call: UDMABUF_CREATE.name };
  return descriptorBuffer(ret);
}

/** Fresh host memory, registered; the buffer then holds the only reference to it. */
export function alloc(udmabuf: number, want: AllocRequest): Outcome<DescriptorBuffer> {
  const memory = tryMemfdCreate('uapi-conform', MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (memory.errno !== 0) return { ok: false, errno: memory.errno, call: 'memfd_create' };
  const { errno } = tryFtruncate(memory.ret, want.size);
  const failed = errno !== 0 ? errno : tryFcntl(memory.ret, F_ADD_SEALS, F_SEAL_SHRINK).errno;
  const made: Outcome<DescriptorBuffer> =
    failed === 0
      ? register(udmabuf, { ...want, memfd: memory.ret, offset: 0n })
      : { ok: false, errno: failed, call: 'ftruncate and F_SEAL_SHRINK of the memfd' };
  tryClose(memory.ret);
  return made;
}
