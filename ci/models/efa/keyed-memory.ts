import { type Piece, readPieces, writePieces } from '../pieces.ts';
import type { GuestMemory } from '../vfio-user/guest-memory.ts';
import { regionOf } from './memory-regions.ts';
import type { MemoryRegion, Objects, ProtectionDomain } from './objects.ts';
import type { Span } from './work-requests.ts';

/** A part of a region that was checked. */
interface Part {
  readonly region: MemoryRegion;
  readonly offset: number;
  readonly length: number;
}

/** Guest memory by key and address, with the checks that a key is for. */
export class KeyedMemory {
  readonly #memory: GuestMemory;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  /** Whether all spans lie within regions of the domain that have the permissions. */
  allows(
    objects: Objects,
    pd: ProtectionDomain,
    spans: readonly Span[],
    permissions: number,
  ): boolean {
    return spans.every((span) => partOf(objects, pd, span, permissions) !== undefined);
  }

  /** The bytes of all spans in a row; undefined where one is not allowed or cannot be reached. */
  gather(objects: Objects, pd: ProtectionDomain, spans: readonly Span[]): Buffer | undefined {
    const all: Buffer[] = [];
    for (const span of spans) {
      const part = partOf(objects, pd, span, 0);
      const bytes = part === undefined ? undefined : readPieces(this.#memory, piecesOf(part));
      if (bytes === undefined) return undefined;
      all.push(bytes);
    }
    return Buffer.concat(all);
  }

  /** Writes bytes over the spans, in their order; false where one is not allowed or not reached. */
  scatter(
    objects: Objects,
    pd: ProtectionDomain,
    spans: readonly Span[],
    bytes: Buffer,
    permissions: number,
  ): boolean {
    let done = 0;
    for (const span of spans) {
      const length = Math.min(span.length, bytes.length - done);
      const part = partOf(objects, pd, { ...span, length }, permissions);
      if (part === undefined) return false;
      if (!writePieces(this.#memory, piecesOf(part), bytes.subarray(done))) return false;
      done += length;
    }
    return done === bytes.length;
  }
}

function piecesOf({ region, offset, length }: Part): Iterable<Piece> {
  return region.pages.pieces(offset, length);
}

function partOf(
  objects: Objects,
  pd: ProtectionDomain,
  { key, address, length }: Span,
  permissions: number,
): Part | undefined {
  const region = regionOf(objects, key);
  if (region === undefined || region.pd !== pd) return undefined;
  if ((region.permissions & permissions) !== permissions) return undefined;
  const offset = address - region.iova;
  if (offset < 0n || offset + BigInt(length) > BigInt(region.length)) return undefined;
  return { region, offset: Number(offset), length };
}
