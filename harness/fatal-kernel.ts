/** When a kernel is not to be trusted any more, whatever it still answers. */
import type { WireOutcome } from './protocol.ts';
import { newTaint } from './taint.ts';

/**
 * Names of kernel log signs (`harness/agent/watch/kernel-signs.ts`) after which memory or locks may be
 * in any state. A WARNING is none, and neither is a refcount's: refcount_t saturates, so that what it
 * counts is leaked and not used after it was freed (include/linux/refcount.h).
 */
const FATAL_SIGNS: ReadonlySet<string> = new Set([
  'panic',
  'oops',
  'BUG',
  'KASAN',
  'KFENCE',
  'soft lockup',
  'list corruption',
]);

/** Letters of taint bits that say the same: see `harness/taint.ts`. */
const FATAL_TAINT: ReadonlySet<string> = new Set(['D', 'L', 'M', 'B']);

/** What makes the kernel untrustworthy after a point, on one line; undefined while it is not. */
export function fatalSign(
  outcome: Pick<WireOutcome, 'kernelLog' | 'taintBefore' | 'taintAfter'>,
  expectLog: readonly string[],
): string | undefined {
  const announced = expectLog.map((pattern) => new RegExp(pattern));
  const line = outcome.kernelLog.find(
    ({ sign, text }) =>
      sign !== undefined &&
      FATAL_SIGNS.has(sign) &&
      !announced.some((pattern) => pattern.test(text)),
  );
  if (line) return line.text.includes(line.sign ?? '') ? line.text : `${line.sign}: ${line.text}`;
  const [taint] = newTaint(outcome.taintBefore, outcome.taintAfter).filter((name) =>
    FATAL_TAINT.has(name.charAt(0)),
  );
  return taint === undefined ? undefined : `new kernel taint: ${taint}`;
}
