/** Parts of words, as masks of the header name them. */

const lowestBit = (mask: number): number => (mask & -mask) >>> 0;

/** A part of 32 bits. */
export function part(word: number, mask: number): number {
  return ((word & mask) >>> 0) / lowestBit(mask);
}

/** A word with nothing but this part; what does not fit is cut off. */
export function place(value: number, mask: number): number {
  return ((value * lowestBit(mask)) & mask) >>> 0;
}

/** A part of 64 bits. */
export function widePart(word: bigint, mask: bigint): number {
  return Number((word & mask) / (mask & -mask));
}

/** A word with nothing but this part; what does not fit is cut off. */
export function widePlace(value: number, mask: bigint): bigint {
  return (BigInt(value) * (mask & -mask)) & mask;
}

export function isSet(word: bigint, mask: bigint): boolean {
  return (word & mask) !== 0n;
}
