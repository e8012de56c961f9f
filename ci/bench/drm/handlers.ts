import { plainName, type TracedFunction } from '../executed-functions.ts';
import { type CountedReturn, type ReturnProbe, succeeded } from '../return-counts.ts';
import type { CoreIoctl } from './core-ioctls.ts';
import type { Handler } from './measurement.ts';

/** Each core ioctl goes through it. Source: drivers/gpu/drm/drm_ioctl.c, drm_ioctl_kernel() */
export const HANDLER_RETURNS: ReturnProbe = {
  event: 'drm_ioctl',
  definition: 'drm_ioctl_kernel func=$arg2:u64 ret=$retval:s64',
  keys: 'func,ret',
};

/**
 * The functions behind the table's entries, and what came of them.
 *
 * @param returns of `HANDLER_RETURNS`; empty where the kernel cannot tell
 */
export function handlersOf(
  ioctls: readonly CoreIoctl[],
  functions: readonly TracedFunction[],
  returns: readonly CountedReturn[],
): readonly Handler[] {
  const ran = functions.filter(({ module, isExecuted }) => module === 'drm' && isExecuted);
  const executed = new Set(ran.map(({ name }) => plainName(name)));
  const done = new Set(returns.filter(succeeded).map((row) => row.get('func')));
  return [...new Set(ioctls.map(({ functionName }) => functionName))].map((functionName) => {
    const entries = ioctls.filter((entry) => entry.functionName === functionName);
    return {
      functionName,
      ioctls: entries.map(({ name }) => name),
      isExecuted: executed.has(functionName),
      ...(returns.length > 0 && { hasSucceeded: entries.some(({ address }) => done.has(address)) }),
    };
  });
}
