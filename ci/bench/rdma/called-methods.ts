import { countedReturns, type ReturnProbe, succeeded, watchReturns } from '../return-counts.ts';
import type { CalledMethod, WrittenCommand } from './measurement.ts';

/**
 * Which methods and commands were called, and with what result: probes at the return of the two
 * entries, counted by what was asked for and what came of it.
 * Source: drivers/infiniband/core/uverbs_ioctl.c, ib_uverbs_cmd_verbs(); uverbs_main.c,
 * ib_uverbs_write()
 */

/** object_id and method_id of struct ib_uverbs_ioctl_hdr, which the kernel has copied by then. */
const METHODS: ReturnProbe = {
  event: 'method',
  definition: 'ib_uverbs_cmd_verbs object=+2($arg2):u16 method=+4($arg2):u16 ret=$retval:s64',
  keys: 'object,method,ret',
};
/** The first word of struct ib_uverbs_cmd_hdr, which is still the user's. */
const WRITES: ReturnProbe = {
  event: 'write',
  definition: 'ib_uverbs_write command=+u0($arg2):u32 ret=$retval:s64',
  keys: 'command,ret',
};
const PROBES = [METHODS, WRITES];

/** Counts from here on. */
export function watchCalls(): void {
  for (const probe of PROBES) watchReturns(probe);
}

export function calledMethods(): readonly CalledMethod[] {
  return countedReturns(METHODS).map((row) => ({
    object: Number(row.get('object')),
    method: Number(row.get('method')),
    succeeded: succeeded(row),
  }));
}

/** Flags of enum ib_uverbs_write_cmds: the extended form, and the command's number. */
const EXTENDED = 0x80000000;
const COMMAND_MASK = 0xff;

export function writtenCommands(): readonly WrittenCommand[] {
  return countedReturns(WRITES).map((row) => {
    const word = Number(row.get('command'));
    return {
      command: word & COMMAND_MASK,
      extended: (word & EXTENDED) !== 0,
      succeeded: succeeded(row),
    };
  });
}
