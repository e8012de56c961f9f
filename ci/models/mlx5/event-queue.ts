import type { PageList } from '../page-list.ts';
import type { Host } from '../vfio-user/device.ts';
import { answer, type Entries, numberIn } from './command.ts';
import * as h from './headers/ifc.ts';
import type { Objects } from './objects.ts';
import { queuePages } from './queue-pages.ts';

/** Source: include/linux/mlx5/device.h, struct mlx5_eqe */
const EQE_BYTES = 64;
const TYPE = 1;
const SUBTYPE = 3;
const DATA = 32;
const OWNER = 60;

/** Events, or completions, which wake a CPU. Source: core/eq.c, create_map_eq() */
export class EventQueue {
  readonly #host: Host;
  readonly #pages: PageList;
  readonly #depth: number;
  readonly #vector: number;
  readonly #mask: readonly bigint[];
  #producer = 0;
  #consumer = 0;
  #isArmed = false;

  /** @param input of CREATE_EQ */
  constructor(host: Host, input: Buffer) {
    this.#host = host;
    const context = h.create_eq_in.bytes(input, 'eq_context_entry');
    this.#depth = 2 ** h.eqc.get(context, 'log_eq_size');
    this.#vector = h.eqc.get(context, 'intr');
    this.#mask = [0, 1, 2, 3].map((i) => h.create_eq_in.big(input, 'event_bitmask', i));
    this.#pages = queuePages(input, {
      at: h.create_eq_in.byteOf('pas'),
      logPage: h.eqc.get(context, 'log_page_size'),
      pageOffset: h.eqc.get(context, 'page_offset'),
      bytes: this.#depth * EQE_BYTES,
    });
  }

  /** Is it told of events of this type? The mask's first word has the highest. */
  wants(type: number): boolean {
    const word = this.#mask[Math.floor(type / 64)] ?? 0n;
    return ((word >> BigInt(type % 64)) & 1n) !== 0n;
  }

  /** @param data at most 28 bytes, as the type has them */
  post(type: number, data: Buffer, subtype = 0): void {
    if (this.#producer - this.#consumer >= this.#depth) {
      this.#host.say(`an event queue overflows: event ${type} is lost`);
      return;
    }
    const entry = Buffer.alloc(EQE_BYTES);
    entry.writeUInt8(type, TYPE);
    entry.writeUInt8(subtype, SUBTYPE);
    data.copy(entry, DATA);
    entry.writeUInt8(Math.floor(this.#producer / this.#depth) & 1, OWNER + 3);
    const at = this.#pages.at((this.#producer % this.#depth) * EQE_BYTES);
    this.#host.memory.publish(at, entry, OWNER);
    this.#producer++;
    this.#raise();
  }

  /** The driver's doorbell. Source: core/eq.c, eq_update_ci() */
  update(consumer: number, arm: boolean): void {
    // It counts modulo 2 ** 24, and never goes back.
    this.#consumer += (consumer - this.#consumer) & 0xff_ffff;
    this.#isArmed = arm;
    if (arm && this.#producer > this.#consumer) this.#raise();
  }

  #raise(): void {
    if (!this.#isArmed) return;
    this.#isArmed = false;
    this.#host.interrupt(this.#vector);
  }
}

export function eventQueues(host: Host, { eqs }: Objects): Entries {
  return [
    [h.MLX5_CMD_OP_CREATE_EQ, ({ input }) => answer(eqs.add(() => new EventQueue(host, input)))],
    [h.MLX5_CMD_OP_DESTROY_EQ, (call) => void eqs.remove(numberIn(call))],
  ];
}
