import type { CommandLike } from '../../uapi/call-record.ts';
import type { CommandIndex } from './commands.ts';

/**
 * What a name in a dead worker's call log stands for, so that the call can be decoded. RDMA has
 * commands that are no ioctls of a header; what knows them is loaded only for these.
 */
export async function lostCommand(
  name: string,
  commands: Pick<CommandIndex, 'lookUp'>,
): Promise<CommandLike | undefined> {
  const known = commands.lookUp(name);
  if (known !== undefined) return known;
  if (name.startsWith('uverbs ')) {
    const { uverbsLogCommand } = await import('../../uapi/rdma/log-commands.ts');
    return uverbsLogCommand(name);
  }
  const { cmLogCommand } = await import('../../uapi/rdma-cm-log.ts');
  return cmLogCommand(name);
}
