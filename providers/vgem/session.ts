import type { Session } from '../contract.ts';
import { dumbSession, handleOf } from '../drm-session.ts';
import { attachFence, signalFence } from './fence.ts';

export function createSession(fd: number): Session {
  return {
    ...dumbSession(fd),
    attachFence: (buffer, access) => attachFence(fd, handleOf(buffer), access),
    signalFence: (fence) => signalFence(fd, fence),
  };
}
