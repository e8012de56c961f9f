import { type Access, accessMode } from './access.ts';
import { type CallOutcome, outcomeOf, returned } from './call-outcome.ts';
import { O_CLOEXEC, O_EXCL, O_PATH } from './constants.ts';
import { tryClose, tryOpen } from './sys.ts';

/** How a device node is opened; default: read-write. */
export interface DeviceFileFlags {
  readonly access?: Access;
  /** O_EXCL */
  readonly exclusive?: boolean;
  /** O_PATH: a descriptor that only names the node. */
  readonly pathOnly?: boolean;
}

/** Opens a device node, always close-on-exec. */
export function openDeviceFile(node: string, how: DeviceFileFlags = {}): CallOutcome<number> {
  const flags =
    accessMode(how.access ?? 'read-write') |
    (how.exclusive === true ? O_EXCL : 0) |
    (how.pathOnly === true ? O_PATH : 0);
  return returned(tryOpen(node, flags | O_CLOEXEC), `open ${node}`);
}

export function closeDeviceFile(fd: number): CallOutcome<undefined> {
  return outcomeOf(tryClose(fd), 'close');
}
