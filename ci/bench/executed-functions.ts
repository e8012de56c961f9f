import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';

/**
 * Which functions of the kernel run, exactly: no buffer that could overrun is behind it.
 *
 * Each function gets a probe of ftrace that fires once (`FUNCTION:stacktrace:1`); what is left of
 * the count is read back from set_ftrace_filter, and 0 means that the function was called. By the
 * number of a function and with ftrace switched off, setting hundreds takes a second: by name the
 * kernel would walk all its functions, and rewrite its code, for each.
 * Source: kernel/trace/trace_functions.c, ftrace_stacktrace_count(); kernel/trace/ftrace.c,
 * add_rec_by_index()
 */

export interface TracedFunction {
  /** The module's name, or what the bench calls a part of the kernel proper. */
  readonly module: string;
  readonly name: string;
  readonly isExecuted: boolean;
}

/**
 * Which functions are watched, and as what they are counted.
 *
 * @param module of the function; empty for the kernel proper
 * @returns the name for `TracedFunction.module`, or undefined for functions that are of no interest
 */
export type Watched = (name: string, module: string) => string | undefined;

const TRACING = '/sys/kernel/tracing';
const FILTER = `${TRACING}/set_ftrace_filter`;
const ENABLED = '/proc/sys/kernel/ftrace_enabled';

/** `rxe_post_send [rdma_rxe]`, `dma_heap_open`; the line's number is that of the function. */
const LISTED = /^(\S+)(?: \[(\w+)\])?$/;
/** `rxe_post_send [rdma_rxe]:stacktrace:count=1` */
const PROBED = /^([^\s:]+)(?: \[(\w+)\])?:stacktrace:count=(\d+)$/;

/** Numbers, from 1, of all functions among the lines that are watched. */
export function watchedNumbers(lines: readonly string[], watched: Watched): readonly number[] {
  return lines.flatMap((line, index) => {
    const [, name, module = ''] = LISTED.exec(line) ?? [];
    return name !== undefined && watched(name, module) !== undefined ? [index + 1] : [];
  });
}

/** From here on it is seen which functions run. Once in a boot. */
export function watchFunctions(watched: Watched): void {
  const lines = readFileSync(`${TRACING}/available_filter_functions`, 'latin1').split('\n');
  switchOff();
  for (const number of watchedNumbers(lines, watched)) append(`${number}:stacktrace:1`);
  writeFileSync(ENABLED, '1');
}

/** Since 7.3 it stays on, and setting hundreds takes minutes. Source: ftrace.c, ftrace_enable_sysctl() */
function switchOff(): void {
  try {
    writeFileSync(ENABLED, '0');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTSUP') throw error;
  }
}

function append(text: string): void {
  const fd = openSync(FILTER, 'a');
  writeSync(fd, `${text}\n`);
  closeSync(fd);
}

/** All watched functions, and whether they ran since `watchFunctions`. */
export function watchedFunctions(watched: Watched): readonly TracedFunction[] {
  return probedFunctions(readFileSync(FILTER, 'latin1').split('\n'), watched);
}

export function probedFunctions(
  lines: readonly string[],
  watched: Watched,
): readonly TracedFunction[] {
  return lines.flatMap((line) => {
    const [, name = '', inModule = '', left] = PROBED.exec(line) ?? [];
    const module = left === undefined ? undefined : watched(name, inModule);
    return module === undefined ? [] : [{ module, name, isExecuted: left === '0' }];
  });
}

/** Compilers give pieces of functions names of their own. */
export function plainName(name: string): string {
  return name.replace(/\.(?:isra|part|constprop|cold)\b.*$/, '');
}
