/** Tables may be large and nearly empty: a piece of one takes room once something is in it. */
const CHUNK_BYTES = 4096;
const NOTHING = Buffer.alloc(CHUNK_BYTES);

/** What stands for a key's memory, entry by entry, as it was given. */
export class Translations {
  readonly sizeBytes: number;
  readonly #chunks = new Map<number, Buffer>();

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }

  /** False where the list does not fit. */
  write(at: number, list: Buffer): boolean {
    if (at + list.length > this.sizeBytes) return false;
    for (let done = 0; done < list.length; ) {
      const start = (at + done) % CHUNK_BYTES;
      const part = list.subarray(done, done + CHUNK_BYTES - start);
      this.#writeChunk(Math.floor((at + done) / CHUNK_BYTES), start, part);
      done += part.length;
    }
    return true;
  }

  /** One entry, which lies in one chunk; undefined behind the end. */
  entry(index: number, bytes: number): Buffer | undefined {
    const at = index * bytes;
    if (at + bytes > this.sizeBytes) return undefined;
    const chunk = this.#chunks.get(Math.floor(at / CHUNK_BYTES)) ?? NOTHING;
    return chunk.subarray(at % CHUNK_BYTES, (at % CHUNK_BYTES) + bytes);
  }

  /** The first so many bytes, or all that there are. */
  head(bytes: number): Buffer {
    const length = Math.min(bytes, this.sizeBytes);
    const chunks = Array.from(
      { length: Math.ceil(length / CHUNK_BYTES) },
      (_, i) => this.#chunks.get(i) ?? NOTHING,
    );
    return Buffer.concat(chunks).subarray(0, length);
  }

  #writeChunk(number: number, start: number, part: Buffer): void {
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) {
      if (isEmpty(part)) return;
      chunk = Buffer.alloc(CHUNK_BYTES);
      this.#chunks.set(number, chunk);
    }
    part.copy(chunk, start);
    if (isEmpty(part) && isEmpty(chunk)) this.#chunks.delete(number);
  }
}

function isEmpty(bytes: Buffer): boolean {
  return NOTHING.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
}
