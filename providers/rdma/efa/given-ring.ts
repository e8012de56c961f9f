import type { CallOutcome } from '../../../uapi/call-outcome.ts';
import { Mapping } from '../../../uapi/mapping.ts';
import { tryReadMemory } from '../../../uapi/sys-process-memory.ts';
import type { GivenMemory } from '../driver.ts';

/** Where completions are read. */
export interface Ring {
  loadAtomic32(offset: number): number;
  read(offset: number, length: number): Buffer;
  unmap(): void;
}

/** The ring of a CQ whose memory the caller has given: his own, or a dma-buf, which is mapped for it. */
export function openGivenRing({ dmabuf, address, length }: GivenMemory): CallOutcome<Ring> {
  if (dmabuf === undefined) return { ok: true, value: new RingAt(address) };
  // From its start: some exporters map wrongly from elsewhere (drm_gem_shmem_helper.c).
  const mapped = Mapping.tryMap({ fd: dmabuf, length: Number(address + length) });
  if (!mapped.ok) return { ok: false, errno: mapped.errno, call: 'mmap of the memory of a CQ' };
  return { ok: true, value: new RingIn(mapped.value, Number(address)) };
}

class RingIn implements Ring {
  readonly #buffer: Mapping;
  readonly #start: number;

  constructor(buffer: Mapping, start: number) {
    this.#buffer = buffer;
    this.#start = start;
  }

  loadAtomic32(offset: number): number {
    return this.#buffer.loadAtomic32(this.#start + offset);
  }

  read(offset: number, length: number): Buffer {
    return this.#buffer.read(this.#start + offset, length);
  }

  unmap(): void {
    this.#buffer.unmap();
  }
}

/** Memory that somebody else has mapped, and unmaps. */
class RingAt implements Ring {
  readonly #address: bigint;

  constructor(address: bigint) {
    this.#address = address;
  }

  loadAtomic32(offset: number): number {
    return this.read(offset, 4).readUInt32LE();
  }

  read(offset: number, length: number): Buffer {
    const read = tryReadMemory([{ address: this.#address + BigInt(offset), length }]);
    if (!read.ok) throw new Error('a CQ is polled whose memory was unmapped');
    return read.value;
  }

  unmap(): void {}
}
