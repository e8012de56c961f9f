import { isSet, widePart } from '../bits.ts';
import { must, mustBeIdle, mustFind } from '../refusal.ts';
import type { CommandContext } from './commands.ts';
import { CompletionQueue, type CompletionRing } from './completion-queue.ts';
import type { Command } from './control-queue.ts';
import {
  IRDMA_CQPSQ_CQ_AVOIDMEMCNFLCT,
  IRDMA_CQPSQ_CQ_CEQIDVALID,
  IRDMA_CQPSQ_CQ_CQRESIZE,
  IRDMA_CQPSQ_CQ_CQSIZE,
  IRDMA_CQPSQ_CQ_FIRSTPMPBLIDX,
  IRDMA_CQPSQ_CQ_VIRTMAP,
} from './headers/defs.ts';
import { LIMITS } from './limits.ts';
import { CQ_EVENT_QUEUE, CQ_NUMBER } from './registers.ts';
import { ringPages } from './ring-memory.ts';

/** The queue of commands' own completions (hw.c, irdma_create_ccq()). */
const COMMANDS = 0;

/** Source: ctrl.c, irdma_sc_cq_create() */
export function createCq(context: CommandContext, command: Command): void {
  const { host, objects, setCommandCompletions } = context;
  const { head, entry } = command;
  const number = widePart(head, CQ_NUMBER);
  must(number < LIMITS.cqs && !objects.cqs.has(number), `completion queue ${number}`);
  const eventQueue = widePart(head, CQ_EVENT_QUEUE);
  const hasEvents = isSet(head, IRDMA_CQPSQ_CQ_CEQIDVALID);
  must(!hasEvents || eventQueue < LIMITS.eventQueues, `event queue ${eventQueue}`);
  const queue = new CompletionQueue(host, {
    number,
    ...ringOf(context, command),
    shadow: Number(entry.readBigUInt64LE(40)),
    // Not looked up before there is an event: that of commands is made after its completions.
    events: () => (hasEvents ? objects.eventQueues.get(eventQueue) : undefined),
  });
  objects.cqs.set(number, queue);
  if (number === COMMANDS) setCommandCompletions(queue);
}

export function destroyCq(context: CommandContext, { head }: Command): void {
  const { objects, setCommandCompletions } = context;
  const number = widePart(head, CQ_NUMBER);
  const queue = mustFind(objects.cqs.get(number), `completion queue ${number}`);
  mustBeIdle(queue, `completion queue ${number}`);
  objects.cqs.delete(number);
  if (number === COMMANDS) setCommandCompletions(undefined);
}

/** Another ring; without one nothing changes. Source: ctrl.c, irdma_sc_cq_modify() */
export function modifyCq(context: CommandContext, command: Command): void {
  const { head } = command;
  const number = widePart(head, CQ_NUMBER);
  const queue = mustFind(context.objects.cqs.get(number), `completion queue ${number}`);
  if (isSet(head, IRDMA_CQPSQ_CQ_CQRESIZE)) queue.resize(ringOf(context, command));
}

function ringOf({ objects }: CommandContext, { head, entry }: Command): CompletionRing {
  const entries = widePart(entry.readBigUInt64LE(0), IRDMA_CQPSQ_CQ_CQSIZE);
  must(entries > 0, 'no entries');
  const entryBytes = isSet(head, IRDMA_CQPSQ_CQ_AVOIDMEMCNFLCT) ? 64 : 32;
  const pages = ringPages(objects.backing, {
    isMapped: isSet(head, IRDMA_CQPSQ_CQ_VIRTMAP),
    address: Number(entry.readBigUInt64LE(32)),
    firstEntry: widePart(entry.readBigUInt64LE(48), IRDMA_CQPSQ_CQ_FIRSTPMPBLIDX),
    bytes: entries * entryBytes,
  });
  return { pages, entries, entryBytes };
}
