import { must, mustBeIdle, mustFind, mustFit } from '../refusal.ts';
import type { Host } from '../vfio-user/device.ts';
import { phaseOf } from './admin-queue.ts';
import {
  EFA_ADMIN_CREATE_EQ_CMD_COMPLETION_EVENTS_MASK,
  EFA_ADMIN_CREATE_EQ_CMD_ENTRY_SIZE_WORDS_MASK,
  efa_admin_create_eq_cmd,
  efa_admin_create_eq_resp,
  efa_admin_destroy_eq_cmd,
  efa_admin_destroy_eq_resp,
} from './headers/efa-admin-cmds-defs.ts';
import { efa_admin_eqe } from './headers/efa-admin-defs.ts';
import { EFA_REGS_EQ_DB_ARM_MASK, EFA_REGS_EQ_DB_EQN_MASK } from './headers/efa-regs-defs.ts';
import { LIMITS, MSIX_VECTORS } from './limits.ts';
import type { EventQueue, Objects } from './objects.ts';

export function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

/** Two words of an address. */
export function addressOf(parts: { mem_addr_low: number; mem_addr_high: number }): number {
  return parts.mem_addr_high * 2 ** 32 + parts.mem_addr_low;
}

export function createEq({ eqs }: Objects, payload: Buffer): Buffer {
  const {
    depth,
    msix_vec: vector,
    caps,
    ba,
    event_bitmask,
  } = efa_admin_create_eq_cmd.decode(payload);
  must(isPowerOfTwo(depth) && depth <= LIMITS.maxEqDepth, `an EQ of ${depth} entries`);
  must(vector < MSIX_VECTORS, `vector ${vector}`);
  const words = caps & EFA_ADMIN_CREATE_EQ_CMD_ENTRY_SIZE_WORDS_MASK;
  must(words * 4 === efa_admin_eqe.size, `events of ${words} words`);
  must((event_bitmask & ~EFA_ADMIN_CREATE_EQ_CMD_COMPLETION_EVENTS_MASK) === 0, 'other events');
  const base = addressOf(ba);
  const make = (id: number): EventQueue => {
    return { id, base, depth, vector, users: 0, produced: 0, isArmed: false, isPending: false };
  };
  return efa_admin_create_eq_resp.make({ eqn: mustFit(eqs.add(make), 'EQ') });
}

export function destroyEq({ eqs }: Objects, payload: Buffer): Buffer {
  const id = efa_admin_destroy_eq_cmd.get(payload, 'eqn');
  mustBeIdle(mustFind(eqs.get(id), `EQ ${id}`), `EQ ${id}`);
  eqs.remove(id);
  return efa_admin_destroy_eq_resp.make();
}

/**
 * The EQ doorbell. The driver looks at the queue, then arms it: what was written between the two must
 * still give an interrupt, and the doorbell does not say how far it looked. So arming a queue that has
 * news raises one at once (efa_com.c, efa_com_eq_comp_intr_handler()).
 */
export function ringEq(host: Host, { eqs }: Objects, value: number): void {
  const eq = eqs.get(value & EFA_REGS_EQ_DB_EQN_MASK);
  if (eq === undefined || (value & EFA_REGS_EQ_DB_ARM_MASK) === 0) return;
  eq.isArmed = true;
  if (eq.isPending) interruptFor(host, eq);
}

/** Tells the driver that a completion queue has news. */
export function postCompletionEvent(host: Host, eq: EventQueue, cqn: number): void {
  const phase = phaseOf(eq.produced, eq.depth);
  const entry = efa_admin_eqe.make({ common: phase, u: { comp_event: { cqn } } });
  const at = eq.base + (eq.produced % eq.depth) * entry.length;
  eq.produced++;
  host.memory.publish(at, entry);
  eq.isPending = true;
  if (eq.isArmed) interruptFor(host, eq);
}

function interruptFor(host: Host, eq: EventQueue): void {
  eq.isArmed = false;
  eq.isPending = false;
  host.interrupt(eq.vector);
}
