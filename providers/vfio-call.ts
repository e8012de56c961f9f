import type { Command } from '../uapi/description.ts';
import { type IoctlArgument, tryIoctl } from '../uapi/ioctl.ts';
import type { Outcome } from './contract.ts';

/** The return value, or the errno and the command. */
export function call(fd: number, command: Command, argument: IoctlArgument): Outcome<number> {
  const { ret, errno } = tryIoctl(fd, command, argument);
  return errno === 0 ? { ok: true, value: ret } : { ok: false, errno, call: command.name };
}
