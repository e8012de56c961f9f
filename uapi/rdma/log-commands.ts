import type { CommandLike } from '../call-record.ts';
import { uverbsCommands } from '../headers/rdma/uverbs-commands.ts';
import { uverbsDriverMethods } from '../headers/rdma/uverbs-driver-methods.ts';
import { uverbsMethods } from '../headers/rdma/uverbs-methods.ts';
import type { UverbsMethod } from './description.ts';
import { logCommandOf as logMethodOf } from './uverbs-ioctl.ts';
import { logCommandOf } from './uverbs-write.ts';

let byName: ReadonlyMap<string, CommandLike> | undefined;

/**
 * What a name in the call log stands for: 'uverbs PD.PD_DESTROY', 'uverbs write ALLOC_PD',
 * 'uverbs invoke ALLOC_PD'. For reading the log of another process, which decodes by names.
 */
export function uverbsLogCommand(name: string): CommandLike | undefined {
  byName ??= new Map(
    [
      ...Object.values<UverbsMethod>(uverbsMethods).map(logMethodOf),
      ...Object.values<UverbsMethod>(uverbsDriverMethods).map(logMethodOf),
      ...Object.values(uverbsCommands).flatMap((command) => [
        logCommandOf(command, 'write'),
        logCommandOf(command, 'invoke'),
      ]),
    ].map((command) => [command.name, command]),
  );
  return byName.get(name);
}
