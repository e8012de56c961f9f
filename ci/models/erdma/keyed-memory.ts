import { type Piece, readPieces, writePieces } from '../pieces.ts';
import type { GuestMemory } from '../vfio-user/guest-memory.ts';
import { LIMITS } from './limits.ts';
import { RIGHT, regionOf } from './memory-regions.ts';
import type { MemoryRegion, Objects, QueuePair } from './objects.ts';

/** Memory as a work request names it. */
export interface Span {
  readonly key: number;
  readonly address: bigint;
  readonly length: number;
}

/** Data that is in a request itself, or where it is. */
export type Payload = Buffer | readonly Span[];

/** Why a request may not have what it names. */
export type MemoryFault = 'key' | 'bounds' | 'right' | 'domain' | 'wrap';

/** All memory, by the key that the kernel's queue pairs have. */
const LOCAL_MEMORY: Omit<MemoryRegion, 'pd'> = {
  index: 0,
  isFast: false,
  list: { address: 0, count: 0, shift: 0 },
  key: LIMITS.localDmaKey,
  isValid: true,
  rights: RIGHT.localRead | RIGHT.localWrite,
  start: 0n,
  length: 2 ** 52,
  pages: undefined,
};

/** Guest memory by key and address, with the checks that a key is for. */
export class KeyedMemory {
  readonly #memory: GuestMemory;
  readonly #getObjects: () => Objects;

  constructor(memory: GuestMemory, objects: () => Objects) {
    this.#memory = memory;
    this.#getObjects = objects;
  }

  /** What is wrong with the first span that the queue pair's domain may not use so; undefined where none is. */
  faultOf(qp: QueuePair, spans: readonly Span[], rights: number): MemoryFault | undefined {
    for (const span of spans) {
      const pieces = this.#piecesOf(qp, span, rights);
      if (typeof pieces === 'string') return pieces;
    }
    return undefined;
  }

  /** The bytes of all spans in a row. */
  gather(qp: QueuePair, spans: readonly Span[], rights: number): Buffer | MemoryFault {
    const all: Buffer[] = [];
    for (const span of spans) {
      const pieces = this.#piecesOf(qp, span, rights);
      if (typeof pieces === 'string') return pieces;
      const bytes = readPieces(this.#memory, pieces);
      // Registered once, and taken away since.
      if (bytes === undefined) return 'bounds';
      all.push(bytes);
    }
    return Buffer.concat(all);
  }

  /** What a request sends: bytes that are in it, or those of all spans in a row. */
  payloadOf(qp: QueuePair, payload: Payload): Buffer | MemoryFault {
    return Buffer.isBuffer(payload) ? payload : this.gather(qp, payload, RIGHT.localRead);
  }

  /** Writes bytes to the beginning of a span, of which no more is looked at. */
  scatter(qp: QueuePair, span: Span, bytes: Buffer, rights: number): MemoryFault | undefined {
    if (bytes.length > span.length) return 'bounds';
    const pieces = this.#piecesOf(qp, { ...span, length: bytes.length }, rights);
    if (typeof pieces === 'string') return pieces;
    return writePieces(this.#memory, pieces, bytes) ? undefined : 'bounds';
  }

  /** Of no bytes nothing is checked, as in IB (C9-88): a key need not be there. */
  #piecesOf(qp: QueuePair, span: Span, rights: number): Iterable<Piece> | MemoryFault {
    const { address, length } = span;
    if (length === 0) return [];
    if (address + BigInt(length) > 2n ** 64n) return 'wrap';
    const region = this.#regionOf(qp, span.key);
    if (region === undefined) return 'key';
    if ('pd' in region && region.pd !== qp.pd) return 'domain';
    if ((region.rights & rights) !== rights) return 'right';
    const offset = address - region.start;
    if (offset < 0n || offset + BigInt(length) > BigInt(region.length)) return 'bounds';
    if (region.pages === undefined) return [{ address: Number(address), length }];
    return region.pages.pieces(Number(offset), length);
  }

  /** That the key of all memory is none to queue pairs with a process's own doorbells is a guess. */
  #regionOf(qp: QueuePair, key: number): MemoryRegion | Omit<MemoryRegion, 'pd'> | undefined {
    if (key === LIMITS.localDmaKey && qp.doorbells === undefined) return LOCAL_MEMORY;
    return regionOf(this.#getObjects(), key);
  }
}
