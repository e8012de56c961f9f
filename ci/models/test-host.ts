import { ftruncate } from '../../uapi/sys-file.ts';
import { memfdCreate } from '../../uapi/sys-memory.ts';
import type { Host } from './vfio-user/device.ts';
import { GuestMemory } from './vfio-user/guest-memory.ts';

/** For unit tests: a machine with memory from address 0 on, which keeps the interrupts that it hears. */
export class TestHost implements Host {
  readonly memory = new GuestMemory();
  readonly interrupts: number[] = [];
  readonly #barAddress: number | undefined;

  constructor(memoryBytes: number, barAddress?: number) {
    this.#barAddress = barAddress;
    const fd = memfdCreate('model-test');
    ftruncate(fd, memoryBytes);
    this.memory.map({ address: 0n, size: BigInt(memoryBytes), prot: 3, fd, fileOffset: 0n });
  }

  barAddress(): number | undefined {
    return this.#barAddress;
  }

  interrupt(vector: number): void {
    this.interrupts.push(vector);
  }

  say(): void {}
}
