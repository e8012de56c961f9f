/** The user wants to stop: what was going on is given up. */
export class Stopped extends Error {
  override name = 'Stopped';
}

/**
 * What the work comes to, or the end at the first sign that it is not wanted any more. The work itself
 * goes on: whoever it makes something for has to take that back.
 * @throws Stopped on the signal, and whatever the work throws
 */
export async function unlessStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let giveUp = () => {};
  const stopped = new Promise<never>((_resolve, reject) => {
    giveUp = () => reject(new Stopped());
    signal.addEventListener('abort', giveUp);
    if (signal.aborted) giveUp();
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
