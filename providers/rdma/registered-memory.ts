import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { IB_UVERBS_ACCESS_LOCAL_WRITE } from '../../uapi/headers/rdma/ib-user-ioctl-verbs.ts';
import type { Mapping } from '../../uapi/mapping.ts';
import type { RdmaObject } from '../contract-verbs.ts';
import { type Context, rdmaObject } from './context.ts';
import { destroy } from './destroy.ts';
import type { QueueKind, QueueRequests, Registration } from './driver.ts';
import { allocPd, regMrByCommand } from './memory.ts';

/**
 * Memory of queues that a driver wants registered before it is told of the queue. The regions belong to a
 * protection domain that no case sees; both end with the context, if not before. All by the ioctl, which
 * also a process may use that has the context from another one.
 */

/** Registers what the part wants of a queue's memory; a refusal leaves nothing registered. */
export function registerMemory<K extends QueueKind>(
  context: Context,
  kind: K,
  want: QueueRequests[K],
  memory: Mapping,
): CallOutcome<undefined> {
  const registrations = context.part.registrations?.(kind, want, memory) ?? [];
  if (registrations.length === 0) return { ok: true, value: undefined };
  // The lowest number is what an object of another context most often has: it must mean nobody here.
  const lowest = allocPd(context, { abi: 'invoke' });
  const registered = registerAll(context, registrations, memory);
  if (lowest.ok) destroy(context, lowest.value, {});
  return registered;
}

function registerAll(
  context: Context,
  registrations: readonly Registration[],
  memory: Mapping,
): CallOutcome<undefined> {
  for (const registration of registrations) {
    const mr = registerOne(context, registration);
    if (!mr.ok) {
      deregisterMemory(context, memory);
      return mr;
    }
    context.registered.set(memory, [...(context.registered.get(memory) ?? []), mr.value]);
  }
  return { ok: true, value: undefined };
}

/** After the queue went: a driver keeps what a queue is in. */
export function deregisterMemory(context: Context, memory: Mapping): void {
  for (const handle of context.registered.get(memory) ?? []) {
    destroy(
      context,
      rdmaObject('mr', handle),
      context.commandForm === 'write' ? { abi: 'write' } : {},
    );
  }
  context.registered.delete(memory);
}

function registerOne(
  context: Context,
  { start, length, input }: Registration,
): CallOutcome<number> {
  const pd = queuePd(context);
  if (!pd.ok) return pd;
  const want = {
    pd: pd.value,
    start,
    length: BigInt(length),
    access: IB_UVERBS_ACCESS_LOCAL_WRITE,
  };
  const mr = regMrByCommand(context, want, { driver: { input, outputSize: 0 }, abi: 'invoke' });
  return mr.ok ? { ok: true, value: mr.value.handle } : mr;
}

function queuePd(context: Context): CallOutcome<RdmaObject> {
  if (context.queuePd !== undefined) return { ok: true, value: context.queuePd };
  const pd = allocPd(context, { abi: 'invoke' });
  if (pd.ok) context.queuePd = pd.value;
  return pd;
}
