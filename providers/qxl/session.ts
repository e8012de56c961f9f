import type { Session } from '../contract.ts';
import { drmSession } from '../drm-session.ts';
import { copy, fill, wait } from './jobs.ts';
import { allocSurface, mapSurface } from './surface.ts';

export function createSession(fd: number): Session {
  return {
    ...drmSession(fd),
    alloc: (want) => allocSurface(fd, want.size),
    map: (buffer) => mapSurface(fd, buffer),
    submitCopy: (job) => copy(fd, job),
    submitFill: (job) => fill(fd, job),
    waitJob: (job) => wait(fd, job),
  };
}
