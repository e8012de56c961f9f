import { readlinkSync } from 'node:fs';
import { type Errno, errnoName } from './errno.ts';

export interface UapiErrorFacts {
  /** What was called: an ioctl's macro name or a system call. */
  readonly command: string;
  readonly errno: Errno;
  /** The decoded argument, one line. */
  readonly argument?: string | undefined;
  /** The device's address or, where that is not known, what the fd names. */
  readonly device?: string | undefined;
}

/** A call failed where its caller took success for granted. */
export class UapiError extends Error {
  override name = 'UapiError';
  readonly command: string;
  readonly errno: Errno;
  readonly errnoName: string;
  readonly argument?: string;
  readonly device?: string;

  constructor(facts: UapiErrorFacts) {
    super(messageOf(facts));
    this.command = facts.command;
    this.errno = facts.errno;
    this.errnoName = errnoName(facts.errno);
    if (facts.argument !== undefined) this.argument = facts.argument;
    if (facts.device !== undefined) this.device = facts.device;
  }
}

/** `DRM_IOCTL_GEM_CLOSE on vgem@vgem: EINVAL (handle=0 pad=0)` */
function messageOf({ command, errno, argument, device }: UapiErrorFacts): string {
  const on = device === undefined ? '' : ` on ${device}`;
  const detail = argument === undefined || argument === '' ? '' : ` (${argument})`;
  return `${command}${on}: ${errnoName(errno)}${detail}`;
}

/** What an open fd names ('/dev/dri/card0', 'anon_inode:dmabuf'), or 'fd 7' if it is not open. */
export function fdTarget(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return `fd ${fd}`;
  }
}
