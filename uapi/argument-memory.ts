import { MAP_32BIT, MAP_ANONYMOUS, MAP_PRIVATE, PROT_NONE, PROT_READ } from './constants.ts';
import { Mapping, MappingError } from './mapping.ts';
import { mustSucceed } from './sys-call.ts';
import { mprotect, pageSize, tryMunmap } from './sys-memory.ts';

/** Anonymous memory for arguments that a call must refuse, or must not run over. */

/** Where argument memory may lie: `low` is where a 32-bit program's addresses reach. */
export type Reach = 'anywhere' | 'low';

function anonymous(length: number, reach: Reach): Mapping {
  const low = reach === 'low' ? MAP_32BIT : 0;
  return Mapping.map({ fd: -1, length, flags: MAP_PRIVATE | MAP_ANONYMOUS | low });
}

/**
 * Usable bytes with nothing directly behind them: an argument at the end shows a kernel that reads
 * or writes too much, and one across the end is the half-mapped argument that must give EFAULT.
 */
export class GuardedPage implements Disposable {
  readonly #memory: Mapping;
  readonly #usable: number;

  private constructor(memory: Mapping, usable: number) {
    this.#memory = memory;
    this.#usable = usable;
  }

  /**
   * @param guard 'no-access' keeps the page behind reserved (PROT_NONE); 'unmapped' leaves a hole,
   * which any later mmap of this process may fill
   * @param minBytes at least this many usable bytes, rounded up to pages
   */
  static create(
    guard: 'no-access' | 'unmapped' = 'no-access',
    minBytes = 1,
    reach: Reach = 'anywhere',
  ): GuardedPage {
    const page = pageSize();
    const usable = Math.max(1, Math.ceil(minBytes / page)) * page;
    const memory = anonymous(usable + page, reach);
    const behind = memory.address + BigInt(usable);
    if (guard === 'no-access') mprotect(behind, page, PROT_NONE);
    else mustSucceed(tryMunmap(behind, page), { call: 'munmap', argument: () => 'guard page' });
    return new GuardedPage(memory, usable);
  }

  /** The first address that must not be touched. */
  get end(): bigint {
    return this.#memory.address + BigInt(this.#usable);
  }

  /** Puts bytes so that they end where the memory ends, and returns their address. */
  placeAtEnd(bytes: Uint8Array): bigint {
    return this.placeAcross(bytes, bytes.length);
  }

  /** Puts the first `inside` bytes before the end, the rest being out of reach; the address. */
  placeAcross(bytes: Uint8Array, inside: number): bigint {
    if (!Number.isInteger(inside) || inside < 0 || inside > Math.min(bytes.length, this.#usable)) {
      throw new MappingError(
        `${inside} of ${bytes.length} bytes before the end of ${this.#usable}`,
      );
    }
    this.#memory.write(this.#usable - inside, bytes.subarray(0, inside));
    return this.end - BigInt(inside);
  }

  /** A copy of the last `length` usable bytes: what the kernel left of an argument placed there. */
  readAtEnd(length: number): Buffer {
    return this.#memory.read(this.#usable - length, length);
  }

  /** Fills all usable bytes, to find stray writes before an argument. */
  poison(byte: number): void {
    this.#memory.fill(0, this.#usable, byte);
  }

  [Symbol.dispose](): void {
    this.#memory.unmap();
  }
}

/** A page that nobody may touch; its address is `address`. */
export function noAccessPage(reach: Reach = 'anywhere'): Mapping {
  const memory = anonymous(pageSize(), reach);
  mustSucceed(memory.protect(PROT_NONE), { call: 'mprotect', argument: () => 'PROT_NONE' });
  return memory;
}

/** Memory that holds the bytes at its start and cannot be written: an output must give EFAULT. */
export function readOnlyPage(bytes: Uint8Array, reach: Reach = 'anywhere'): Mapping {
  const page = pageSize();
  const memory = anonymous(Math.max(1, Math.ceil(bytes.length / page)) * page, reach);
  memory.write(0, bytes);
  mustSucceed(memory.protect(PROT_READ), { call: 'mprotect', argument: () => 'PROT_READ' });
  return memory;
}
