import type { Host } from '../vfio-user/device.ts';
import { phaseOf } from './admin-queue.ts';
import type { Features } from './features.ts';
import { EFA_ADMIN_KEEP_ALIVE } from './headers/efa-admin-cmds-defs.ts';
import { efa_admin_aenq_common_desc, efa_admin_aenq_entry } from './headers/efa-admin-defs.ts';
import type { Registers } from './registers.ts';

/** How often the device says that it is alive: a guess, the driver only counts (efa_main.c, efa_keep_alive()). */
const KEEP_ALIVE_MS = 1_000;
/** They have the phase. */
const FLAGS_AT = efa_admin_aenq_common_desc.field('flags').offset;

/** The queue of asynchronous events. Of the groups that there are, the device has use for keep-alive alone. */
export class AsyncEvents {
  readonly #host: Host;
  readonly #registers: Registers;
  readonly #features: Features;
  #produced = 0;
  #nextMs = 0;

  constructor(host: Host, registers: Registers, features: Features) {
    this.#host = host;
    this.#registers = registers;
    this.#features = features;
  }

  reset(): void {
    this.#produced = 0;
    this.#nextMs = 0;
  }

  /** When the next event is due, by performance.now(); undefined while nobody wants any. */
  get nextMs(): number | undefined {
    if ((this.#features.enabledGroups & (1 << EFA_ADMIN_KEEP_ALIVE)) === 0) return undefined;
    if (this.#nextMs === 0) this.#nextMs = performance.now() + KEEP_ALIVE_MS;
    return this.#nextMs;
  }

  wake(): void {
    const due = this.nextMs;
    const now = performance.now();
    if (due === undefined || due > now) return;
    this.#nextMs = now + KEEP_ALIVE_MS;
    this.#post(EFA_ADMIN_KEEP_ALIVE, now);
  }

  /** An event for which there is no room is lost: the driver says in a register how far it has read. */
  #post(group: number, nowMs: number): void {
    const { base, depth, vector } = this.#registers.asyncEventQueue;
    if (depth === 0 || this.#produced - this.#registers.asyncEventsRead >= depth) return;
    const entry = efa_admin_aenq_entry.make({
      aenq_common_desc: {
        group,
        flags: phaseOf(this.#produced, depth),
        timestamp_low: Math.floor(nowMs * 1000) % 2 ** 32,
      },
    });
    const at = base + (this.#produced % depth) * entry.length;
    this.#produced++;
    this.#host.memory.publish(at, entry, FLAGS_AT);
    if (!this.#registers.isInterruptMasked) this.#host.interrupt(vector);
  }
}
