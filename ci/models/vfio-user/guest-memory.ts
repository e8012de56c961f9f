import { PROT_READ, PROT_WRITE } from '../../../uapi/constants.ts';
import { E, type Errno } from '../../../uapi/errno.ts';
import { Mapping } from '../../../uapi/mapping.ts';

/** One contiguous piece of what the device can reach. */
interface Piece {
  readonly start: number;
  readonly end: number;
  /** Absent where QEMU gave no file: a ROM, another device's BAR. */
  readonly mapping: Mapping | undefined;
}

export interface MemoryRange {
  readonly address: bigint;
  readonly size: bigint;
}

export interface MapRequest extends MemoryRange {
  /** PROT_READ | PROT_WRITE, as the device may use it. */
  readonly prot: number;
  /** Of the memory; the caller closes it. */
  readonly fd?: number;
  readonly fileOffset: bigint;
}

/** A view of more than this does not fit into a Buffer on all releases of Node. */
const MAX_PIECE_BYTES = 2 ** 30;

/**
 * The guest's memory as a device sees it, by DMA addresses. What is not mapped cannot be reached:
 * `read` gives undefined and `write` false, as a root complex would answer with an error.
 */
export class GuestMemory {
  #pieces: Piece[] = [];
  #last: Piece | undefined;

  /** Makes a range reachable: 0, or the errno of mmap(2), EINVAL or EEXIST. */
  map(request: MapRequest): Errno {
    const { address, size } = request;
    const end = address + size;
    if (size === 0n || end > BigInt(Number.MAX_SAFE_INTEGER)) return E.EINVAL;
    if (this.#pieces.some((piece) => piece.start < end && address < piece.end)) return E.EEXIST;
    const added: Piece[] = [];
    for (let done = 0n; done < size; done += BigInt(MAX_PIECE_BYTES)) {
      const length = Math.min(MAX_PIECE_BYTES, Number(size - done));
      const mapped = mapPiece(request, done, length);
      if (!mapped.ok) {
        for (const { mapping } of added) mapping?.unmap();
        return mapped.errno;
      }
      const start = Number(address + done);
      added.push({ start, end: start + length, mapping: mapped.mapping });
    }
    this.#pieces = [...this.#pieces, ...added].sort((a, b) => a.start - b.start);
    return 0;
  }

  /** Takes away what lies within the range. */
  unmap({ address, size }: MemoryRange): void {
    const isInside = ({ start, end }: Piece) => start >= address && end <= address + size;
    for (const { mapping } of this.#pieces.filter(isInside)) mapping?.unmap();
    this.#pieces = this.#pieces.filter((piece) => !isInside(piece));
    this.#last = undefined;
  }

  unmapAll(): void {
    for (const { mapping } of this.#pieces) mapping?.unmap();
    this.#pieces = [];
    this.#last = undefined;
  }

  /** A copy; undefined where some of it cannot be reached. */
  read(address: number, length: number): Buffer | undefined {
    const copy = Buffer.alloc(length);
    for (let done = 0; done < length; ) {
      const piece = this.#pieceAt(address + done);
      if (piece?.mapping === undefined) return undefined;
      const count = Math.min(length - done, piece.end - address - done);
      piece.mapping.read(address + done - piece.start, count).copy(copy, done);
      done += count;
    }
    return copy;
  }

  /** False where some of it cannot be reached; what can be is written. */
  write(address: number, bytes: Uint8Array): boolean {
    for (let done = 0; done < bytes.length; ) {
      const piece = this.#pieceAt(address + done);
      if (piece?.mapping === undefined || (piece.mapping.prot & PROT_WRITE) === 0) return false;
      const count = Math.min(bytes.length - done, piece.end - address - done);
      piece.mapping.write(address + done - piece.start, bytes.subarray(done, done + count));
      done += count;
    }
    return true;
  }

  /** Writes a word, at a multiple of 4, after everything written before: a phase bit, a ready mark. */
  publish32(address: number, value: number): boolean {
    const piece = this.#pieceAt(address);
    if (piece?.mapping === undefined || (piece.mapping.prot & PROT_WRITE) === 0) return false;
    piece.mapping.storeAtomic32(address - piece.start, value);
    return true;
  }

  #pieceAt(address: number): Piece | undefined {
    const last = this.#last;
    if (last !== undefined && address >= last.start && address < last.end) return last;
    const found = this.#pieces.find(({ start, end }) => address >= start && address < end);
    this.#last = found;
    return found;
  }
}

type Mapped =
  | { readonly ok: true; readonly mapping: Mapping | undefined }
  | { readonly ok: false; readonly errno: Errno };

function mapPiece({ fd, prot, fileOffset }: MapRequest, done: bigint, length: number): Mapped {
  if (fd === undefined) return { ok: true, mapping: undefined };
  const both = prot & (PROT_READ | PROT_WRITE);
  const outcome = Mapping.tryMap({ fd, length, offset: fileOffset + done, prot: both });
  return outcome.ok ? { ok: true, mapping: outcome.value } : outcome;
}
