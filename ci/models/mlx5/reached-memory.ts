import type { ByteMemory } from '../pieces.ts';
import type { Host } from '../vfio-user/device.ts';
import { MEMIC_BYTES, MEMIC_START } from './limits.ts';
import type { Objects } from './objects.ts';

/** What has the device's memory among doorbells. */
const BAR = 0;

/**
 * Memory by DMA addresses: the guest's, and the device's own where the guest has put it. That an access to
 * its own BAR comes back to it is a guess; Linux has it so, as between devices behind one bridge.
 * Source: drivers/pci/p2pdma.c, calc_map_type_and_dist() of a device with itself
 */
export class ReachedMemory implements ByteMemory {
  readonly #host: Host;
  readonly #objects: Objects;

  constructor(host: Host, objects: Objects) {
    this.#host = host;
    this.#objects = objects;
  }

  read(address: number, length: number): Buffer | undefined {
    const own = this.#ownOffset(address, length);
    if (own === undefined) return this.#host.memory.read(address, length);
    return this.#objects.deviceMemory.read(own, length);
  }

  write(address: number, bytes: Buffer): boolean {
    const own = this.#ownOffset(address, bytes.length);
    if (own === undefined) return this.#host.memory.write(address, bytes);
    return this.#objects.deviceMemory.write(own, bytes);
  }

  /** In the BAR; undefined for what is not, or not wholly, the device's memory. */
  #ownOffset(address: number, length: number): number | undefined {
    const start = this.#host.barAddress(BAR);
    const offset = start === undefined ? -1 : address - start;
    const isInside = offset >= MEMIC_START && offset + length <= MEMIC_START + MEMIC_BYTES;
    return isInside ? offset : undefined;
  }
}
