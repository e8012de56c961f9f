import { POLLIN } from '../../../uapi/constants.ts';
import { tryPoll } from '../../../uapi/sys-poll.ts';
import { durationMs } from '../duration.ts';
import {
  type Arguments,
  gaveFields,
  type PointContext,
  refused,
  type VerbResult,
} from '../verb.ts';
import { rdmaOf, verbsFor, verbsOf } from './rdma-held.ts';

/** enum ib_event_type, by number. Source: include/rdma/ib_verbs.h */
export const EVENT_NAMES = [
  'cq-error',
  'qp-fatal',
  'qp-request-error',
  'qp-access-error',
  'comm-est',
  'sq-drained',
  'path-migrated',
  'path-migration-error',
  'device-fatal',
  'port-active',
  'port-error',
  'lid-change',
  'pkey-change',
  'sm-change',
  'srq-error',
  'srq-limit-reached',
  'last-wqe-reached',
  'client-reregister',
  'gid-change',
  'wq-fatal',
  'device-speed-change',
] as const;

/** One event of a completion channel, or of the event file that came with the context. */
export function readEvent(args: Arguments<'readEvent'>, context: PointContext): VerbResult {
  const named = args.events === undefined ? undefined : rdmaOf(args.events, context.scope);
  const verbs = named === undefined ? verbsOf(context.session) : verbsFor(named, context);
  const file = named?.object ?? verbs.asyncEvents;
  const timeoutMs = durationMs(args.timeout ?? '0ms');
  if (timeoutMs > 0) {
    const { errno } = tryPoll([{ fd: file.handle, events: POLLIN }], timeoutMs);
    if (errno !== 0) return refused({ errno, call: 'poll' });
  }
  const outcome = verbs.readEvent(file);
  if (!outcome.ok) return refused(outcome);
  const { type, element } = outcome.value;
  const name = file.kind === 'channel' ? 'completion' : (EVENT_NAMES[type] ?? `event ${type}`);
  return gaveFields({ type, name, element });
}
