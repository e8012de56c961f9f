import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import type { Mapping } from '../../../uapi/mapping.ts';
import { pageSize } from '../../../uapi/sys-memory.ts';
import { mapKey } from '../map-key.ts';

/** A register in a page of the device. */
export class Doorbell {
  readonly #page: Mapping;
  readonly #offset: number;

  private constructor(page: Mapping, offset: number) {
    this.#page = page;
    this.#offset = offset;
  }

  static open(fd: number, key: bigint, offset: number, what: string): CallOutcome<Doorbell> {
    const page = mapKey(fd, key, pageSize(), what);
    return page.ok ? { ok: true, value: new Doorbell(page.value, offset) } : page;
  }

  /** One store of 32 bits, after all earlier ones. */
  ring(value: number): void {
    this.#page.storeRegister32(this.#offset, value >>> 0);
  }

  close(): void {
    this.#page.unmap();
  }
}

/** A ring whose doorbell tells the device of it. */
export interface RungRing {
  readonly ring: Mapping;
  readonly doorbell: Doorbell;
}

/** Where the driver's answer says that they are. */
export interface RungRingPlace {
  /** For the text of a failure: 'a send queue'. */
  readonly what: string;
  readonly key: bigint;
  readonly length: number;
  readonly doorbellKey: bigint;
  readonly doorbellOffset: number;
}

/** Maps both, or neither. */
export function openRungRing(fd: number, place: RungRingPlace): CallOutcome<RungRing> {
  const { what, key, length, doorbellKey, doorbellOffset } = place;
  const ring = mapKey(fd, key, length, what);
  if (!ring.ok) return ring;
  const doorbell = Doorbell.open(fd, doorbellKey, doorbellOffset, `${what}'s doorbell`);
  if (!doorbell.ok) {
    ring.value.unmap();
    return doorbell;
  }
  return { ok: true, value: { ring: ring.value, doorbell: doorbell.value } };
}
