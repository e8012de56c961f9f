/** Bytes that come in arbitrary pieces, given back as lines. */
export class LineSplitter {
  readonly #limitBytes: number;
  #parts: Buffer[] = [];
  #heldBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The lines that `chunk` completes. @throws RangeError when a line exceeds the limit */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      this.#hold(chunk.subarray(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
    return lines;
  }

  #hold(part: Buffer): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#heldBytes += part.length;
    if (this.#heldBytes > this.#limitBytes) {
      throw new RangeError(`a line of more than ${this.#limitBytes} bytes`);
    }
  }

  /** Decodes only whole lines: a character may lie across two pieces. */
  #take(): string {
    const line = Buffer.concat(this.#parts).toString('utf8');
    this.#parts = [];
    this.#heldBytes = 0;
    return line;
  }
}
