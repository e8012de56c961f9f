import { isSet, widePart } from '../bits.ts';
import type { PageList } from '../page-list.ts';
import type { Host } from '../vfio-user/device.ts';
import type { EventQueue } from './event-queues.ts';
import {
  IRDMA_CQ_DBSA_ARM_NEXT,
  IRDMA_CQ_DBSA_ARM_NEXT_SE,
  IRDMA_CQ_DBSA_CQEIDX,
} from './headers/defs.ts';

/** Of the shadow area, which the driver or program writes: how far it read, and what it waits for. */
const SHADOW_BYTES = 40;
const SHADOW_READ = 0;
const SHADOW_ARM = 32;
/** The second half of the fourth word says whether an entry is there. */
const VALID_WORD = 28;
const VALID = 0x8000_0000;

type Arming = 'none' | 'any' | 'solicited';

export interface CompletionRing {
  readonly pages: PageList;
  readonly entries: number;
  /** 32, or 64 where the driver wants them so. */
  readonly entryBytes: number;
}

export interface CompletionQueueSetup extends CompletionRing {
  readonly number: number;
  readonly shadow: number;
  readonly events: () => EventQueue | undefined;
}

/** Completions for a driver or program to read. */
export class CompletionQueue {
  readonly number: number;
  /** Queues that complete here. */
  users = 0;
  readonly #host: Host;
  readonly #setup: CompletionQueueSetup;
  #ring: CompletionRing;
  #produced = 0;
  #arming: Arming = 'none';

  constructor(host: Host, setup: CompletionQueueSetup) {
    this.number = setup.number;
    this.#host = host;
    this.#setup = setup;
    this.#ring = setup;
  }

  /** What comes from now on goes there, from its first entry on (uk.c, irdma_uk_cq_resize()). */
  resize(ring: CompletionRing): void {
    this.#ring = ring;
    this.#produced = 0;
  }

  /** @param entry of at least 32 bytes; what is missing is zeros */
  post(entry: Buffer, isSolicited = false): void {
    const { entries, entryBytes, pages } = this.#ring;
    const whole = Buffer.alloc(entryBytes);
    entry.copy(whole);
    const round = Math.floor(this.#produced / entries);
    const word = whole.readUInt32LE(VALID_WORD);
    whole.writeUInt32LE((round % 2 === 0 ? word | VALID : word & ~VALID) >>> 0, VALID_WORD);
    const at = pages.at((this.#produced % entries) * entryBytes);
    this.#produced++;
    if (!this.#host.memory.publish(at, whole, VALID_WORD)) {
      this.#host.say(`completions of queue ${this.number} cannot be reached`);
    }
    if (this.#arming === 'any' || (this.#arming === 'solicited' && isSolicited)) this.#tell();
  }

  /** Arming a queue with unread entries gives an event at once: a guess. */
  arm(): void {
    const shadow = this.#host.memory.read(this.#setup.shadow, SHADOW_BYTES);
    if (shadow === undefined) return;
    const arming = shadow.readBigUInt64LE(SHADOW_ARM);
    if (isSet(arming, IRDMA_CQ_DBSA_ARM_NEXT)) this.#arming = 'any';
    else if (isSet(arming, IRDMA_CQ_DBSA_ARM_NEXT_SE)) this.#arming = 'solicited';
    else return;
    const read = widePart(shadow.readBigUInt64LE(SHADOW_READ), IRDMA_CQ_DBSA_CQEIDX);
    const hasUnread = read !== this.#produced % this.#ring.entries;
    if (this.#arming === 'any' && hasUnread) this.#tell();
  }

  /** The driver finds the queue by its number (hw.c, irdma_process_ceq()). */
  #tell(): void {
    this.#arming = 'none';
    const event = Buffer.alloc(8);
    event.writeUInt32LE(this.number, 0);
    this.#setup.events()?.post(event);
  }
}
