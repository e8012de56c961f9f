import { GuardedPage } from '../argument-memory.ts';
import type { CommandLike, Transcript } from '../call-record.ts';
import { tryIoctl } from '../ioctl.ts';
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
  using low = GuardedPage.create('no-access', argument.length, 'low');
  const takeBack = () => argument.set(low.readAtEnd(argument.length));
  // The log, where there is one, asks for the transcript before the call is back here.
  const output: Transcript['output'] = (errno) => {
    takeBack();
    return transcript.output(errno);
  };
  const result = tryIoctl(fd, command, low.placeAtEnd(argument), {
    restart: false,
    transcript: { input: transcript.input, output },
    entry,
  });
  takeBack();
  return result;
}
