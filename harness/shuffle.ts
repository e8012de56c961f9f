/**
 * Random numbers from 0 up to 1 that depend on a seed only, so that an order can be had again:
 * mulberry32, a counter whose values are mixed by multiplications and shifts. 32 bits of state are
 * enough to shuffle some thousand points; it is no good for secrets.
 */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The items in a random order (Fisher and Yates: each order is equally likely). */
export function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const shuffled: T[] = [];
  for (const [index, item] of items.entries()) {
    const place = Math.floor(random() * (index + 1));
    const moved = shuffled[place];
    if (moved !== undefined && place < index) shuffled[index] = moved;
    shuffled[place] = item;
  }
  return shuffled;
}
