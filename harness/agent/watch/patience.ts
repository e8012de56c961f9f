/** How often and how long to look again: the kernel drops last references a little later. */
const LOOKS = 6;
const LOOK_MS = 25;

export const pause = (ms: number): Promise<undefined> =>
  new Promise((resolve) => setTimeout(resolve, ms, undefined).unref());

/**
 * Looks until nothing is found or it has been looked often enough.
 *
 * @returns what the last look found
 */
export async function lookAgain<T>(
  look: () => Promise<T>,
  isNothing: (found: T) => boolean,
): Promise<T> {
  let found = await look();
  for (let looks = 1; !isNothing(found) && looks < LOOKS; looks++) {
    await pause(LOOK_MS);
    found = await look();
  }
  return found;
}
