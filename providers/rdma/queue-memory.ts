import type { CallOutcome } from '../../uapi/call-outcome.ts';
import type { Mapping } from '../../uapi/mapping.ts';
import type { CreateRequests } from '../contract-verbs.ts';
import { driverData } from './call.ts';
import type { Context } from './context.ts';
import type { DriverData } from './driver.ts';

/** What the kernel made, and the memory of its queue where that is the process's own. */
export interface WithMemory<T> {
  readonly made: T;
  readonly memory: Mapping | undefined;
}

/** Makes a CQ or a QP with the memory that its part wants the driver to be told of; a refusal leaves none. */
export function withQueueMemory<K extends 'cq' | 'qp', T>(
  context: Context,
  kind: K,
  want: CreateRequests[K],
  make: (data: DriverData) => CallOutcome<T>,
): CallOutcome<WithMemory<T>> {
  const memoryOf = context.part.queueMemory?.[kind] as
    | ((want: CreateRequests[K]) => CallOutcome<Mapping>)
    | undefined;
  const taken = memoryOf?.(want);
  if (taken?.ok === false) return taken;
  const memory = taken?.value;
  const made = make(driverData(context, kind, want, memory));
  if (made.ok) return { ok: true, value: { made: made.value, memory } };
  memory?.unmap();
  return made;
}
