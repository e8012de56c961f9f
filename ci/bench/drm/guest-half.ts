import { readFileSync } from 'node:fs';
import { watchedFunctions, watchFunctions } from '../executed-functions.ts';
import { countedReturns, watchReturns } from '../return-counts.ts';
import { coreIoctls } from './core-ioctls.ts';
import { HANDLER_RETURNS, handlersOf } from './handlers.ts';
import { type Coverage, watchedParts } from './measurement.ts';
import { type DrmWish, WISH_FILE } from './wish.ts';

/**
 * What both scripts of the guest share. Each suite runs twice: alone for its time, and under the tracer
 * for what it executes.
 */

export function wishOfHost(): DrmWish {
  return JSON.parse(readFileSync(WISH_FILE, 'utf8')) as DrmWish;
}

/** Once in a boot: what ran before is not forgotten. */
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
  return { coverage: { functions, handlers }, value };
}
