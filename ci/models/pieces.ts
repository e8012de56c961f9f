import type { GuestMemory } from './vfio-user/guest-memory.ts';

/** Bytes of guest memory in a row. */
export interface Piece {
  /** Undefined for memory that swallows writes and reads as zeros. */
  readonly address: number | undefined;
  readonly length: number;
}

/** The bytes of all pieces, in their order; undefined where one cannot be reached. */
export function readPieces(memory: GuestMemory, pieces: Iterable<Piece>): Buffer | undefined {
  const all: Buffer[] = [];
  for (const { address, length } of pieces) {
    const bytes = address === undefined ? Buffer.alloc(length) : memory.read(address, length);
    if (bytes === undefined) return undefined;
    all.push(bytes);
  }
  return Buffer.concat(all);
}

/** Fills the pieces in their order; false where one cannot be reached. */
export function writePieces(memory: GuestMemory, pieces: Iterable<Piece>, bytes: Buffer): boolean {
  let done = 0;
  for (const { address, length } of pieces) {
    const part = bytes.subarray(done, done + length);
    if (address !== undefined && !memory.write(address, part)) return false;
    done += length;
  }
  return true;
}
