import type { PageList } from '../page-list.ts';
import type { Host } from '../vfio-user/device.ts';

const VALID_WORD = 4;
const VALID = 0x8000_0000;

/**
 * A ring of events. Each has a bit in its last word that says whether it is there, of a meaning that
 * changes with each round. How far the driver has read is not followed: it makes its rings as long as
 * all that can be in them (hw.c, irdma_create_ceq() and irdma_create_aeq()).
 */
export class EventQueue {
  /** Undefined until the driver says which. */
  vector: number | undefined;
  readonly #host: Host;
  readonly #pages: PageList;
  readonly #entries: number;
  readonly #raise: (vector: number) => void;
  #produced = 0;

  constructor(host: Host, pages: PageList, entries: number, raise: (vector: number) => void) {
    this.#host = host;
    this.#pages = pages;
    this.#entries = entries;
    this.#raise = raise;
  }

  /** @param entry 8 or 16 bytes, as are all of this queue */
  post(entry: Buffer): void {
    const round = Math.floor(this.#produced / this.#entries);
    const last = entry.length - VALID_WORD;
    const word = entry.readUInt32LE(last);
    entry.writeUInt32LE((round % 2 === 0 ? word | VALID : word & ~VALID) >>> 0, last);
    const at = this.#pages.at((this.#produced % this.#entries) * entry.length);
    this.#produced++;
    if (!this.#host.memory.publish(at, entry, last)) this.#host.say('events cannot be reached');
    if (this.vector !== undefined) this.#raise(this.vector);
  }
}
