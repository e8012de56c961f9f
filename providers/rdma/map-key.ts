import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { Mapping } from '../../uapi/mapping.ts';

/**
 * What the driver gives by a key, which is an offset of the context's file.
 *
 * @param what for the text of a failure: 'a send queue'
 */
export function mapKey(
  fd: number,
  key: bigint,
  length: number,
  what: string,
): CallOutcome<Mapping> {
  const mapped = Mapping.tryMap({ fd, offset: key, length });
  return mapped.ok ? mapped : { ok: false, errno: mapped.errno, call: `mmap of ${what}` };
}
