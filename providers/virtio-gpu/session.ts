import type { Session } from '../contract.ts';
import { drmSession } from '../drm-session.ts';
import { createResource, imageOf, mapResource } from './resource.ts';

/** What every device does: buffers are images that the host knows of. */
export function createSession(fd: number): Session {
  return {
    ...drmSession(fd),
    alloc: (want) => createResource(fd, imageOf(want.size)),
    map: (buffer) => mapResource(fd, buffer),
  };
}
