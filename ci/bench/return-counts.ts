import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';

/**
 * How often a function of the kernel was called with what and returned what, counted by the kernel
 * itself: a probe at the return, with a histogram over the values. The kernel keeps results as
 * unsigned numbers. Source: Documentation/trace/kprobetrace.rst, histogram.rst
 */
export interface ReturnProbe {
  readonly event: string;
  /** The function and the values: `ib_uverbs_write command=+u0($arg2):u32 ret=$retval:s64` */
  readonly definition: string;
  /** The values to count by: `command,ret` */
  readonly keys: string;
}

const TRACING = '/sys/kernel/tracing';
const GROUP = 'uapi_bench';

const folder = ({ event }: ReturnProbe): string => `${TRACING}/events/${GROUP}/${event}`;

/** Counts from here on. Does nothing on kernels that cannot: arguments at a return came with 6.9. */
export function watchReturns(probe: ReturnProbe): void {
  try {
    const definition = `r:${GROUP}/${probe.event} ${probe.definition}\n`;
    appendFileSync(`${TRACING}/kprobe_events`, definition);
    writeFileSync(`${folder(probe)}/trigger`, `hist:keys=${probe.keys}:size=4096`);
    writeFileSync(`${folder(probe)}/enable`, '1');
  } catch {
    // The functions that ran say the most of it.
  }
}

/** One combination of values that occurred. */
export type CountedReturn = ReadonlyMap<string, bigint>;

export function countedReturns(probe: ReturnProbe): readonly CountedReturn[] {
  if (!existsSync(`${folder(probe)}/hist`)) return [];
  return histogramRows(readFileSync(`${folder(probe)}/hist`, 'latin1'));
}

/** Rows such as `{ object: 3, method: 0, ret: 0 } hitcount: 152`. */
export function histogramRows(text: string): readonly CountedReturn[] {
  const lines = text.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => {
    const fields = [...line.matchAll(/(\w+):\s+(\d+)/g)];
    return new Map(fields.map(([, name = '', value = '0']) => [name, BigInt(value)]));
  });
}

/** Whether the value called `ret` is no errno. */
export function succeeded(row: CountedReturn): boolean {
  return BigInt.asIntN(64, row.get('ret') ?? -1n) >= 0n;
}
