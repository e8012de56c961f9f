import type { CallOutcome } from '../../uapi/call-outcome.ts';
import type { Mapping } from '../../uapi/mapping.ts';
import type { RdmaKind, RdmaObject } from '../contract-verbs.ts';
import { driverData } from './call.ts';
import type { Context } from './context.ts';
import { undone } from './destroy.ts';
import type { DriverData, Made, QueueKind, QueueRequests } from './driver.ts';
import { deregisterMemory, registerMemory } from './registered-memory.ts';

/** What the kernel made, and the memory of its queue where that is the process's own. */
export interface WithMemory<T> {
  readonly made: T;
  readonly memory: Mapping | undefined;
}

/** Makes an object with the memory that its part wants the driver to be told of; a refusal leaves none. */
export function withQueueMemory<K extends QueueKind, T>(
  context: Context,
  kind: K,
  want: QueueRequests[K],
  make: (data: DriverData) => CallOutcome<T>,
): CallOutcome<WithMemory<T>> {
  const memoryOf = context.part.queueMemory?.[kind];
  const taken = memoryOf?.(want, context.driverAnswer);
  if (taken?.ok === false) return taken;
  const memory = taken?.value;
  const known = memory && registerMemory(context, kind, want, memory);
  if (known?.ok === false) {
    memory?.unmap();
    return known;
  }
  const made = make(driverData(context, kind, want, memory));
  if (made.ok) return { ok: true, value: { made: made.value, memory } };
  if (memory !== undefined) release(context, memory);
  return made;
}

function release(context: Context, memory: Mapping): void {
  deregisterMemory(context, memory);
  memory.unmap();
}

/**
 * Opens the queue of an object that the kernel has just made. Where the part works on none its memory stays
 * as long as the object; where it cannot be opened the object goes.
 *
 * @param open what the part has for it
 * @param add keeps the queue
 */
export function openQueue<K extends RdmaKind, Q>(
  context: Context,
  made: Omit<Made<K>, 'fd' | 'contextAnswer'>,
  open: ((made: Made<K>) => CallOutcome<Q>) | undefined,
  add: (queue: Q) => void,
): CallOutcome<RdmaObject> {
  const { object, memory } = made;
  const queue = open?.({ ...made, fd: context.fd, contextAnswer: context.driverAnswer });
  if (queue === undefined) return keepMemory(context, object, memory);
  if (!queue.ok) return undone(context, object, queue);
  add(queue.value);
  return { ok: true, value: object };
}

/** Keeps the memory of a queue that nobody here works on for as long as its object. */
export function keepMemory(
  context: Context,
  object: RdmaObject,
  memory: Mapping | undefined,
): CallOutcome<RdmaObject> {
  if (memory !== undefined) context.kept.add(object, { close: () => release(context, memory) });
  return { ok: true, value: object };
}
