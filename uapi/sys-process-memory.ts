import koffi from 'koffi';
import { beginCall, endCall } from './call-log.ts';
import { E } from './errno.ts';
import { libc, type Outcome } from './sys-call.ts';
import { currentPid } from './sys-fork.ts';

/** Memory of this process by bare addresses, where nobody knows whether there is any. */

type RawProcessVmReadv = (
  pid: number,
  local: Buffer,
  localCount: number,
  remote: Buffer,
  remoteCount: number,
  flags: number,
) => number;

const rawProcessVmReadv: RawProcessVmReadv = libc.func(
  'long process_vm_readv(int pid, void *local, unsigned long m, void *remote, unsigned long n, unsigned long flags)',
);

/** Bytes of a struct iovec. */
const IOVEC = { size: 16, length: 8 } as const;

export interface MemoryRange {
  readonly address: bigint;
  readonly length: number;
}

function iovecs(ranges: readonly MemoryRange[]): Buffer {
  const bytes = Buffer.alloc(ranges.length * IOVEC.size);
  for (const [i, { address, length }] of ranges.entries()) {
    bytes.writeBigUInt64LE(BigInt.asUintN(64, address), i * IOVEC.size);
    bytes.writeBigUInt64LE(BigInt(length), i * IOVEC.size + IOVEC.length);
  }
  return bytes;
}

/**
 * A copy of these ranges, one behind the other, by process_vm_readv(2) of the process itself: where a
 * pointer would be a SIGSEGV it is EFAULT, also where only some of the bytes are there.
 *
 * @param ranges as many as IOV_MAX, which is 1024
 */
export function tryReadMemory(ranges: readonly MemoryRange[]): Outcome<Buffer> {
  const length = ranges.reduce((sum, range) => sum + range.length, 0);
  const bytes = Buffer.alloc(length);
  if (length === 0) return { ok: true, value: bytes };
  const local = iovecs([{ address: koffi.address(bytes), length }]);
  const remote = iovecs(ranges);
  const pid = currentPid();
  const slot = beginCall('process_vm_readv', -1, [pid, length]);
  const ret = rawProcessVmReadv(pid, local, 1, remote, ranges.length, 0);
  const errno = ret < 0 ? koffi.errno() : 0;
  endCall(slot, ret, errno);
  if (errno !== 0) return { ok: false, errno };
  return ret === length ? { ok: true, value: bytes } : { ok: false, errno: E.EFAULT };
}
