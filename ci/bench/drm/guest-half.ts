import { readFileSync } from 'node:fs';
import { forgetFunctions, watchedFunctions, watchFunctions } from '../executed-functions.ts';
import { countedReturns, forgetReturns, watchReturns } from '../return-counts.ts';
import { coreIoctls } from './core-ioctls.ts';
import { HANDLER_RETURNS, handlersOf } from './handlers.ts';
import { type Coverage, watchedParts } from './measurement.ts';
import { type DrmWish, WISH_FILE } from './wish.ts';

/**
 * What both scripts of the guest share. Lines that begin with `#` are for people, the last line of
 * each is what it measured. Each suite runs twice: alone for its time, and under the tracer for what
 * it executes.
 */

export function wishOfHost(): DrmWish {
  return JSON.parse(readFileSync(WISH_FILE, 'utf8')) as DrmWish;
}

const say = (text: string): void => console.log(`# ${text}`);

export async function traced<T>(
  run: () => T | Promise<T>,
): Promise<{ coverage: Coverage; value: T }> {
  const ioctls = coreIoctls();
  const watched = watchedParts(new Set(ioctls.map(({ functionName }) => functionName)));
  watchFunctions(watched);
  watchReturns(HANDLER_RETURNS);
  const value = await run();
  const functions = watchedFunctions(watched);
  const handlers = handlersOf(ioctls, functions, countedReturns(HANDLER_RETURNS));
  forgetReturns(HANDLER_RETURNS);
  forgetFunctions();
  return { coverage: { functions, handlers }, value };
}

export function sayRun(
  name: string,
  { times, troubles }: { readonly times: object; readonly troubles: readonly string[] },
): void {
  say(`${name}: ${JSON.stringify(times)}`);
  for (const trouble of troubles) say(`  ${trouble}`);
}

/** Nobody reads the guest's standard error. */
export function sayUncaught(): void {
  process.on('uncaughtException', (error) => {
    for (const line of String(error.stack).split('\n')) say(line);
    process.exit(1);
  });
}
