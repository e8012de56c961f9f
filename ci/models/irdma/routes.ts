import { isSet, widePart } from '../bits.ts';
import { must } from '../refusal.ts';
import type { CommandContext } from './commands.ts';
import type { Command } from './control-queue.ts';
import { IRDMA_CQPSQ_MAT_ARPENTRYIDX, IRDMA_CQPSQ_MAT_ENTRYVALID } from './headers/defs.ts';
import { IRDMA_UDA_CQPSQ_MAV_ARPINDEX, IRDMA_UDA_CQPSQ_MAV_AVIDX } from './headers/uda-d.ts';
import { LIMITS } from './limits.ts';

/** Source: uda.c, irdma_sc_access_ah() */
export function createAh({ objects }: CommandContext, { head, entry }: Command): void {
  const { addressHandles, arpEntries } = objects;
  const index = widePart(head, IRDMA_UDA_CQPSQ_MAV_AVIDX);
  must(index < LIMITS.addressHandles && !addressHandles.has(index), `address handle ${index}`);
  const arp = widePart(entry.readBigUInt64LE(16), IRDMA_UDA_CQPSQ_MAV_ARPINDEX);
  must(arpEntries.has(arp), `there is no hardware address ${arp}`);
  addressHandles.add(index);
}

export function destroyAh({ objects }: CommandContext, { head }: Command): void {
  const index = widePart(head, IRDMA_UDA_CQPSQ_MAV_AVIDX);
  must(objects.addressHandles.delete(index), `there is no address handle ${index}`);
}

/** Source: ctrl.c, irdma_sc_add_arp_cache_entry() and irdma_sc_del_arp_cache_entry() */
export function manageArp({ objects }: CommandContext, { head }: Command): void {
  const index = widePart(head, IRDMA_CQPSQ_MAT_ARPENTRYIDX);
  must(index < LIMITS.arpEntries, `hardware address ${index}`);
  if (isSet(head, IRDMA_CQPSQ_MAT_ENTRYVALID)) objects.arpEntries.add(index);
  else objects.arpEntries.delete(index);
}
