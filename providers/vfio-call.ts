import { returned } from '../uapi/call-outcome.ts';
import type { Command } from '../uapi/description.ts';
import { type IoctlArgument, tryIoctl } from '../uapi/ioctl.ts';
import type { Outcome } from './contract.ts';

/** The return value, or the errno and the command. */
export function call(fd: number, command: Command, argument: IoctlArgument): Outcome<number> {
  return returned(tryIoctl(fd, command, argument), command.name);
}
