import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { MODULES, type TracedFunction } from './measurement.ts';

/**
 * Which functions of the modules run, exactly: no buffer that could overrun is behind it.
 *
 * Each function gets a probe of ftrace that fires once (`FUNCTION:stacktrace:1`); what is left of
 * the count is read back from set_ftrace_filter, and 0 means that the function was called. By the
 * number of a function and with ftrace switched off, setting hundreds takes a second: by name the
 * kernel would walk all its functions, and rewrite its code, for each.
 * Source: kernel/trace/trace_functions.c, ftrace_stacktrace_count(); kernel/trace/ftrace.c,
 * add_rec_by_index()
 */

const TRACING = '/sys/kernel/tracing';
const FILTER = `${TRACING}/set_ftrace_filter`;
const ENABLED = '/proc/sys/kernel/ftrace_enabled';

/** `rxe_post_send [rdma_rxe]`; the number of the line is the number of the function. */
const LISTED = /^(\S+) \[(\w+)\]$/;
/** `rxe_post_send [rdma_rxe]:stacktrace:count=1` */
const PROBED = /^(\S+) \[(\w+)\]:stacktrace:count=(\d+)$/;

const isOurs = (module: string): boolean => MODULES.some((name) => name === module);

/** Numbers, from 1, of all functions of the modules that can be traced. */
function traceable(): readonly number[] {
  const lines = readFileSync(`${TRACING}/available_filter_functions`, 'latin1').split('\n');
  return lines.flatMap((line, index) => {
    const module = LISTED.exec(line)?.[2];
    return module !== undefined && isOurs(module) ? [index + 1] : [];
  });
}

/** From here on it is seen which functions run; what ran before is forgotten. */
export function watchFunctions(): void {
  writeFileSync(ENABLED, '0');
  if (readFileSync(FILTER, 'latin1').includes(':stacktrace:')) append('!*:stacktrace');
  for (const number of traceable()) append(`${number}:stacktrace:1`);
  writeFileSync(ENABLED, '1');
}

function append(text: string): void {
  const fd = openSync(FILTER, 'a');
  writeSync(fd, `${text}\n`);
  closeSync(fd);
}

/** All traceable functions, and whether they ran since `watchFunctions`. */
export function watchedFunctions(): readonly TracedFunction[] {
  const lines = readFileSync(FILTER, 'latin1').split('\n');
  return lines.flatMap((line) => {
    const [, name = '', module = '', left] = PROBED.exec(line) ?? [];
    return left === undefined ? [] : [{ module, name, isExecuted: left === '0' }];
  });
}

/** Without probes, as what is timed wants it. */
export function forgetFunctions(): void {
  append('!*:stacktrace');
}
