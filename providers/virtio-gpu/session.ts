import type { Device, Session } from '../contract.ts';
import { drmSession } from '../drm-session.ts';
import { hasVirgl } from './find.ts';
import { submitCopy, submitFill } from './jobs.ts';
import { bufferOf, createResource, imageOf, mapResource } from './resource.ts';
import { transfer, waitIdle } from './transfer.ts';

/** What a descriptor of this device can do. */
export function sessionOf(device: Device): (fd: number) => Session {
  return hasVirgl(device) ? virglSession : imageSession;
}

/** Without 3D buffers are images that the host knows of, and there are no jobs. */
function imageSession(fd: number): Session {
  return {
    ...drmSession(fd),
    alloc: (want) => createResource(fd, imageOf(want.size)),
    map: (buffer) => mapResource(fd, buffer),
  };
}

/** With it they are buffers of the host's GL. */
function virglSession(fd: number): Session {
  return {
    ...imageSession(fd),
    alloc: (want) => createResource(fd, bufferOf(want.size)),
    submitCopy: (job, how) => submitCopy(fd, job, how),
    submitFill: (job, how) => submitFill(fd, job, how),
    waitJob: (job, timeoutMs) => waitIdle(fd, job.id, timeoutMs),
    transfer: (buffer, to) => transfer(fd, buffer, to),
  };
}
