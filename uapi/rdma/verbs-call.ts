import type { CommandLike, Transcript } from '../call-record.ts';
import { MAP_32BIT, MAP_ANONYMOUS, MAP_PRIVATE } from '../constants.ts';
import { tryIoctl } from '../ioctl.ts';
import { Mapping } from '../mapping.ts';
import type { SysResult } from '../sys-call.ts';

/** RDMA_VERBS_IOCTL itself, from either side of the kernel's entries. Nothing is restarted. */

export interface VerbsCall {
  readonly command: CommandLike;
  /** Header and attributes; what the kernel changes of them stands here afterwards. */
  readonly argument: Buffer;
  readonly transcript: Transcript;
  /** As a 32-bit program, see compat.ts. */
  readonly entry?: 'compat' | undefined;
}

/**
 * Only the argument itself must lie where a 32-bit program reaches: attributes have their addresses in
 * 64 bits for every program. Source: include/uapi/rdma/rdma_user_ioctl_cmds.h, struct ib_uverbs_attr;
 * drivers/infiniband/core/uverbs_main.c, uverbs_fops
 */
export function tryVerbsCall(fd: number, { entry, ...call }: VerbsCall): SysResult {
  const { command, argument, transcript } = call;
  if (entry === undefined) return tryIoctl(fd, command, argument, { restart: false, transcript });
  using low = Mapping.map({
    fd: -1,
    length: argument.length,
    flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
  });
  low.write(0, argument);
  // The log asks for the transcript when the call is over, and finds the answer in the argument.
  const output: Transcript['output'] = (errno) => {
    argument.set(low.read());
    return transcript.output(errno);
  };
  const result = tryIoctl(fd, command, low.address, {
    restart: false,
    transcript: { input: transcript.input, output },
    entry,
  });
  argument.set(low.read());
  return result;
}
