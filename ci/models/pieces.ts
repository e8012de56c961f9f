/** Bytes by their addresses: those of the guest, or of a device. */
export interface ByteMemory {
  read(address: number, length: number): Buffer | undefined;
  write(address: number, bytes: Buffer): boolean;
}

/** Bytes in a row. */
export interface Piece {
  /** Undefined for memory that swallows writes and reads as zeros. */
  readonly address: number | undefined;
  readonly length: number;
  /** Where it is not the guest's. */
  readonly of?: ByteMemory;
}

/** The bytes of all pieces, in their order; undefined where one cannot be reached. */
export function readPieces(memory: ByteMemory, pieces: Iterable<Piece>): Buffer | undefined {
  const all: Buffer[] = [];
  for (const { address, length, of = memory } of pieces) {
    const bytes = address === undefined ? Buffer.alloc(length) : of.read(address, length);
    if (bytes === undefined) return undefined;
    all.push(bytes);
  }
  return Buffer.concat(all);
}

/** Fills the pieces in their order; false where one cannot be reached. */
export function writePieces(memory: ByteMemory, pieces: Iterable<Piece>, bytes: Buffer): boolean {
  let done = 0;
  for (const { address, length, of = memory } of pieces) {
    const part = bytes.subarray(done, done + length);
    if (address !== undefined && !of.write(address, part)) return false;
    done += length;
  }
  return true;
}
