/** Where a field lies: its first bit, counted from the most significant of the first byte, and its bits. */
export type BitPlace = readonly [offset: number, bits: number];

/**
 * A struct of the device's interface as mlx5_ifc.h writes it: an array of big-endian words, of which
 * fields take bits. A Buffer is the value, this is how to read it.
 */
export class BitStruct<Name extends string> {
  readonly sizeBytes: number;
  readonly #fields: Readonly<Record<Name, BitPlace>>;

  constructor(bits: number, fields: Readonly<Record<Name, BitPlace>>) {
    this.sizeBytes = bits / 8;
    this.#fields = fields;
  }

  /** A field of at most 32 bits. What lies behind the end of the buffer is zero. */
  get(buf: Buffer, field: Name, index = 0): number {
    const { word, shift, mask } = this.#partOf(field, index);
    if (word + 4 > buf.length) return 0;
    return ((buf.readUInt32BE(word) >>> shift) & mask) >>> 0;
  }

  /** A field of 64 bits. */
  big(buf: Buffer, field: Name, index = 0): bigint {
    const at = this.byteOf(field, index);
    return at + 8 > buf.length ? 0n : buf.readBigUInt64BE(at);
  }

  set(buf: Buffer, field: Name, value: number, index = 0): void {
    const { word, shift, mask } = this.#partOf(field, index);
    const others = buf.readUInt32BE(word) & ~(mask << shift);
    buf.writeUInt32BE((others | ((value & mask) << shift)) >>> 0, word);
  }

  setBig(buf: Buffer, field: Name, value: bigint, index = 0): void {
    buf.writeBigUInt64BE(value, this.byteOf(field, index));
  }

  /** The bytes of a field that has whole ones, not copied. */
  bytes(buf: Buffer, field: Name): Buffer {
    const [offset, bits] = this.#fields[field];
    return buf.subarray(offset / 8, (offset + bits) / 8);
  }

  /** Where a field begins. */
  byteOf(field: Name, index = 0): number {
    const [offset, bits] = this.#fields[field];
    return (offset + index * bits) / 8;
  }

  /** A zeroed struct with these fields set. */
  make(init: Partial<Record<Name, number>> = {}): Buffer {
    const buf = Buffer.alloc(this.sizeBytes);
    for (const [field, value] of Object.entries(init))
      this.set(buf, field as Name, value as number);
    return buf;
  }

  #partOf(field: Name, index: number) {
    const [offset, bits] = this.#fields[field];
    const first = offset + index * bits;
    const word = Math.floor(first / 32) * 4;
    const shift = 32 - (first % 32) - bits;
    const mask = bits === 32 ? -1 : 2 ** bits - 1;
    return { word, shift, mask };
  }
}
