import { readFileSync } from 'node:fs';
import koffi from 'koffi';
import { CallLog } from './call-log.ts';
import type { CallRecord, CommandLike } from './call-record.ts';
import { MAP_SHARED, O_CLOEXEC, O_CREAT, O_RDWR, O_TRUNC } from './constants.ts';
import { close, open } from './sys.ts';
import { ftruncate } from './sys-file.ts';
import { mmap } from './sys-memory.ts';

/**
 * A call log whose ring is a mapped file, so that it outlives a process that is killed: the
 * supervisor reads the last calls, the one in flight included. The mapping lives as long as the
 * process. Put the file on a tmpfs.
 */
export function createCallLogFile(path: string, capacity = 256): CallLog {
  const length = CallLog.sizeBytes(capacity);
  const fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600);
  try {
    ftruncate(fd, length);
    return new CallLog(capacity, koffi.view(mmap({ fd, length, flags: MAP_SHARED }), length));
  } finally {
    close(fd);
  }
}

/**
 * What a process left in its log file, oldest first.
 *
 * @param commands finds the command by name, to decode structs
 */
export function readCallLogFile(
  path: string,
  commands?: (name: string) => CommandLike | undefined,
): CallRecord[] {
  const bytes = Uint8Array.from(readFileSync(path));
  return CallLog.attach(bytes.buffer, commands);
}
