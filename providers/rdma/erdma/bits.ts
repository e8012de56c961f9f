/** Fields of words of the device: the lowest bit of each, and how many it has. */
export type Fields = Readonly<Record<string, readonly [lowest: number, width: number]>>;

type Values<F extends Fields> = { readonly [K in keyof F]?: number | boolean };

/** A word of up to 64 bits; what is not given is 0, and what is too long loses its upper bits. */
export function packed<F extends Fields>(fields: F, values: Values<F>): bigint {
  let word = 0n;
  for (const [name, [lowest, width]] of Object.entries(fields)) {
    word |= BigInt.asUintN(width, BigInt(values[name] ?? 0)) << BigInt(lowest);
  }
  return word;
}

/** A field of a word of 32 bits. */
export function fieldOf<F extends Fields>(fields: F, name: keyof F, word: number): number {
  const [lowest, width] = fields[name] ?? [0, 0];
  return (word >>> lowest) & (2 ** width - 1);
}
