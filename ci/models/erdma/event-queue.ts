import { isSet, widePart } from '../bits.ts';
import type { Host } from '../vfio-user/device.ts';
import { EQE_SIZE, ERDMA_EQDB_ARM_MASK, ERDMA_EQDB_CI_MASK } from './headers/erdma-hw.ts';
import type { QueuePlace } from './registers.ts';

/** The driver's own index has 16 bits (erdma.h, struct erdma_eq). */
const INDEX_MASK = 0xffff;

/** The owner bit of the n-th entry of a ring: 1 in the first round, then 0, in turn. */
export function ownerOf(index: number, depth: number): number {
  return (Math.floor(index / depth) & 1) ^ 1;
}

/** A queue of events in guest memory, with its interrupt. */
export class EventQueue {
  /** Completion queues that report here. */
  users = 0;
  readonly vector: number;
  readonly #host: Host;
  readonly #place: QueuePlace;
  #produced = 0;
  #consumed = 0;
  /** No driver arms a new queue (erdma_eq.c, erdma_ceqs_init()): it is armed from the start. */
  #isArmed = true;

  constructor(host: Host, place: QueuePlace, vector: number) {
    this.#host = host;
    this.#place = place;
    this.vector = vector;
  }

  /**
   * The doorbell: the driver has read so far, and wants an interrupt for what comes. What it has not seen
   * gives one at once, as where it reads sixteen and no more (erdma_eq.c, erdma_ceq_completion_handler()).
   */
  ring(value: bigint): void {
    this.#consumed = widePart(value, ERDMA_EQDB_CI_MASK) & INDEX_MASK;
    if (!isSet(value, BigInt(ERDMA_EQDB_ARM_MASK))) return;
    this.#isArmed = true;
    if (this.#unread > 0) this.#interrupt();
  }

  /** Writes an event whose first word has the owner bit at its top. One without room is lost. */
  post(entry: Buffer): void {
    const { base, depth } = this.#place;
    if (this.#unread >= depth) {
      this.#host.say(`an event is lost: the queue of vector ${this.vector} is full`);
      return;
    }
    const owner = ownerOf(this.#produced, depth);
    entry.writeUInt32LE((entry.readUInt32LE(0) | (owner << 31)) >>> 0, 0);
    const at = base + (this.#produced % depth) * EQE_SIZE;
    this.#produced++;
    if (!this.#host.memory.publish(at, entry)) this.#host.say('an event queue cannot be reached');
    if (this.#isArmed) this.#interrupt();
  }

  get #unread(): number {
    return (this.#produced - this.#consumed) & INDEX_MASK;
  }

  #interrupt(): void {
    this.#isArmed = false;
    this.#host.interrupt(this.vector);
  }
}
