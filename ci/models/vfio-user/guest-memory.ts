import { PROT_WRITE } from '../../../uapi/constants.ts';
import { E, type Errno } from '../../../uapi/errno.ts';
import { type MemoryFile, MemoryFiles } from './memory-file.ts';

/** One contiguous piece of what the device can reach. */
interface Piece {
  readonly start: number;
  readonly end: number;
  /** Absent where QEMU gave no file: a ROM, another device's BAR. */
  readonly file: MemoryFile | undefined;
  readonly fileOffset: number;
  readonly isWritable: boolean;
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

/**
 * The guest's memory as a device sees it, by DMA addresses. What is not mapped cannot be reached:
 * `read` gives undefined and `write` false, as a root complex would answer with an error. Behind an
 * IOMMU there is a piece for each page, so pieces are found by halves and files are mapped once.
 */
export class GuestMemory {
  /** In the order of their addresses; they do not overlap. */
  readonly #pieces: Piece[] = [];
  readonly #files = new MemoryFiles();

  /** Makes a range reachable: 0, or the errno of mmap(2), EINVAL or EEXIST. */
  map({ address, size, prot, fd, fileOffset }: MapRequest): Errno {
    const end = address + size;
    if (size === 0n || end > BigInt(Number.MAX_SAFE_INTEGER)) return E.EINVAL;
    const at = this.#indexAfter(Number(address));
    const next = this.#pieces[at];
    if (next !== undefined && next.start < end) return E.EEXIST;
    const file = fd === undefined ? undefined : this.#files.open(fd);
    if (file !== undefined && !file.ok) return file.errno;
    this.#pieces.splice(at, 0, {
      start: Number(address),
      end: Number(end),
      file: file?.value,
      fileOffset: Number(fileOffset),
      isWritable: (prot & PROT_WRITE) !== 0,
    });
    return 0;
  }

  /** Takes away what lies within the range. */
  unmap({ address, size }: MemoryRange): void {
    const first = this.#indexAfter(Number(address));
    let last = first;
    while ((this.#pieces[last]?.end ?? Number.POSITIVE_INFINITY) <= address + size) last++;
    const taken = this.#pieces.splice(first, last - first);
    for (const { file } of taken) if (file !== undefined) this.#files.close(file);
  }

  unmapAll(): void {
    this.unmap({ address: 0n, size: BigInt(Number.MAX_SAFE_INTEGER) });
  }

  /** A copy; undefined where some of it cannot be reached. */
  read(address: number, length: number): Buffer | undefined {
    const copy = Buffer.alloc(length);
    for (let done = 0; done < length; ) {
      const piece = this.#pieceAt(address + done);
      if (piece?.file === undefined) return undefined;
      const count = Math.min(length - done, piece.end - address - done);
      const place = piece.fileOffset + address + done - piece.start;
      copy.set(piece.file.read(place, count), done);
      done += count;
    }
    return copy;
  }

  /** False where some of it cannot be reached; what can be is written. */
  write(address: number, bytes: Uint8Array): boolean {
    for (let done = 0; done < bytes.length; ) {
      const piece = this.#pieceAt(address + done);
      if (piece?.file === undefined || !piece.isWritable) return false;
      const count = Math.min(bytes.length - done, piece.end - address - done);
      const place = piece.fileOffset + address + done - piece.start;
      piece.file.write(place, bytes.subarray(done, done + count));
      done += count;
    }
    return true;
  }

  /**
   * Writes an entry of a queue, so that whoever polls the queue never sees half of it. False where some
   * of it cannot be reached: then it is not said to be there.
   *
   * @param last where in the entry the 32-bit word is that says so, with a phase bit or the like: it is
   * written after all else, at once. Its address is a multiple of 4.
   */
  publish(address: number, entry: Buffer, last = 0): boolean {
    const behind = last + 4;
    return (
      this.write(address, entry.subarray(0, last)) &&
      this.write(address + behind, entry.subarray(behind)) &&
      this.#publish32(address + last, entry.readUInt32LE(last))
    );
  }

  #publish32(address: number, value: number): boolean {
    const piece = this.#pieceAt(address);
    if (piece?.file === undefined || !piece.isWritable) return false;
    piece.file.publish32(piece.fileOffset + address - piece.start, value);
    return true;
  }

  #pieceAt(address: number): Piece | undefined {
    const piece = this.#pieces[this.#indexAfter(address)];
    return piece !== undefined && piece.start <= address ? piece : undefined;
  }

  /** Of the first piece that ends after the address. */
  #indexAfter(address: number): number {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#pieces[middle]?.end ?? 0) > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
