import type { BufferObject, Device, Outcome, Session } from '../contract.ts';
import { drmSession, handleOf } from '../drm-session.ts';
import { hasVirgl } from '../virtio-gpu-find.ts';
import { mapResource } from '../virtio-gpu-resource.ts';
import { submitCopy, submitFill } from './jobs.ts';
import { bufferOf, createResource, imageOf } from './resource.ts';
import { transfer, waitIdle } from './transfer.ts';

/** What a descriptor of this device can do. */
export function sessionOf(device: Device): (fd: number) => Session {
  return hasVirgl(device) ? virglSession : imageSession;
}

/** Without 3D buffers are images that the host knows of, and there are no jobs. */
function imageSession(fd: number): Session {
  return {
    ...drmSession(fd),
    alloc: (want) => allocate(fd, imageOf(want.size)),
    map: (buffer) => mapResource(fd, buffer),
  };
}

/** With it they are buffers of the host's GL. */
function virglSession(fd: number): Session {
  return {
    ...imageSession(fd),
    alloc: (want) => allocate(fd, bufferOf(want.size)),
    submitCopy: (job, how) => submitCopy(fd, job, how),
    submitFill: (job, how) => submitFill(fd, job, how),
    waitJob: (job, timeoutMs) => waitIdle(fd, job.id, timeoutMs),
    transfer: (buffer, to) => transfer(fd, buffer, to),
  };
}

/**
 * The host makes its part of a resource behind a fence on the buffer. It is waited for, since the
 * contract's fresh buffers are idle; a host that takes longer than 15 s leaves it busy.
 */
function allocate(fd: number, want: Parameters<typeof createResource>[1]): Outcome<BufferObject> {
  const created = createResource(fd, want);
  if (created.ok) waitIdle(fd, handleOf(created.value), WAIT_MS);
  return created;
}

/** Any time but none is the driver's own. */
const WAIT_MS = 1;
