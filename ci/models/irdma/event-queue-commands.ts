import { isSet, widePart } from '../bits.ts';
import { must } from '../refusal.ts';
import type { CommandContext } from './commands.ts';
import type { Command } from './control-queue.ts';
import { EventQueue } from './event-queues.ts';
import {
  IRDMA_CQPSQ_AEQ_AEQECNT,
  IRDMA_CQPSQ_CEQ_CEQID,
  IRDMA_CQPSQ_CEQ_CEQSIZE,
  IRDMA_CQPSQ_CEQ_FIRSTPMPBLIDX,
  IRDMA_CQPSQ_CEQ_VMAP,
} from './headers/defs.ts';
import { LIMITS } from './limits.ts';
import { ringPages } from './ring-memory.ts';

const COMPLETION_EVENT_BYTES = 8;
const ASYNC_EVENT_BYTES = 16;

/** Source: ctrl.c, irdma_sc_ceq_create() */
export function createEventQueue(context: CommandContext, command: Command): void {
  const { eventQueues } = context.objects;
  const number = widePart(command.head, IRDMA_CQPSQ_CEQ_CEQID);
  must(number < LIMITS.eventQueues && !eventQueues.has(number), `event queue ${number}`);
  const entries = widePart(command.entry.readBigUInt64LE(16), IRDMA_CQPSQ_CEQ_CEQSIZE);
  eventQueues.set(number, makeQueue(context, command, entries, COMPLETION_EVENT_BYTES));
}

export function destroyEventQueue({ objects }: CommandContext, { head }: Command): void {
  const number = widePart(head, IRDMA_CQPSQ_CEQ_CEQID);
  must(objects.eventQueues.delete(number), `there is no event queue ${number}`);
}

/** Source: ctrl.c, irdma_sc_aeq_create() */
export function createAsyncEvents(context: CommandContext, command: Command): void {
  const { objects } = context;
  must(objects.asyncEvents === undefined, 'a second queue of asynchronous events');
  const entries = widePart(command.entry.readBigUInt64LE(16), IRDMA_CQPSQ_AEQ_AEQECNT);
  objects.asyncEvents = makeQueue(context, command, entries, ASYNC_EVENT_BYTES);
}

export function destroyAsyncEvents({ objects }: CommandContext): void {
  must(objects.asyncEvents !== undefined, 'there is no queue of asynchronous events');
  objects.asyncEvents = undefined;
}

/** Both kinds are described alike. */
function makeQueue(
  { host, objects, raise }: CommandContext,
  { head, entry }: Command,
  entries: number,
  entryBytes: number,
): EventQueue {
  must(entries > 0, 'no entries');
  const pages = ringPages(objects.backing, {
    isMapped: isSet(head, IRDMA_CQPSQ_CEQ_VMAP),
    address: Number(entry.readBigUInt64LE(32)),
    firstEntry: widePart(entry.readBigUInt64LE(48), IRDMA_CQPSQ_CEQ_FIRSTPMPBLIDX),
    bytes: entries * entryBytes,
  });
  return new EventQueue(host, pages, entries, raise);
}
