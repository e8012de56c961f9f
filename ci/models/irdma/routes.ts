import { widePart } from '../bits.ts';
import { must } from '../refusal.ts';
import type { CommandContext } from './commands.ts';
import type { Command } from './control-queue.ts';
import { IRDMA_CQPSQ_MAT_ARPENTRYIDX } from './headers/defs.ts';
import { IRDMA_UDA_CQPSQ_MAV_AVIDX } from './headers/uda-d.ts';
import { LIMITS } from './limits.ts';

/**
 * Whether it has the hardware address that is named, is no matter before something is sent: only then is
 * there an event for it (user.h, IRDMA_AE_INVALID_ARP_ENTRY). Source: uda.c, irdma_sc_access_ah()
 */
export function createAh({ objects }: CommandContext, { head }: Command): void {
  const { addressHandles } = objects;
  const index = widePart(head, IRDMA_UDA_CQPSQ_MAV_AVIDX);
  must(index < LIMITS.addressHandles && !addressHandles.has(index), `address handle ${index}`);
  addressHandles.add(index);
}

export function destroyAh({ objects }: CommandContext, { head }: Command): void {
  const index = widePart(head, IRDMA_UDA_CQPSQ_MAV_AVIDX);
  must(objects.addressHandles.delete(index), `there is no address handle ${index}`);
}

/** Nothing is sent to any. Source: ctrl.c, irdma_sc_add_arp_cache_entry() and irdma_sc_del_arp_cache_entry() */
export function manageArp(_context: CommandContext, { head }: Command): void {
  const index = widePart(head, IRDMA_CQPSQ_MAT_ARPENTRYIDX);
  must(index < LIMITS.arpEntries, `hardware address ${index}`);
}
