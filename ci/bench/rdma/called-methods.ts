import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { CalledMethod, WrittenCommand } from './measurement.ts';

/**
 * Which methods and commands were called, and with what result, counted by the kernel itself: probes
 * at the return of the two entries, with histograms over what was asked for and what came of it.
 * Source: drivers/infiniband/core/uverbs_ioctl.c, ib_uverbs_cmd_verbs(); uverbs_main.c,
 * ib_uverbs_write(); Documentation/trace/kprobetrace.rst, histogram.rst
 */

const TRACING = '/sys/kernel/tracing';
const GROUP = 'uapi_bench';

interface Probe {
  readonly event: string;
  readonly definition: string;
  readonly keys: string;
}

/** object_id and method_id of struct ib_uverbs_ioctl_hdr, which the kernel has copied by then. */
const METHODS: Probe = {
  event: 'method',
  definition: 'ib_uverbs_cmd_verbs object=+2($arg2):u16 method=+4($arg2):u16 ret=$retval:s64',
  keys: 'object,method,ret',
};
/** The first word of struct ib_uverbs_cmd_hdr, which is still the user's. */
const WRITES: Probe = {
  event: 'write',
  definition: 'ib_uverbs_write command=+u0($arg2):u32 ret=$retval:s64',
  keys: 'command,ret',
};
const PROBES = [METHODS, WRITES];

const folder = ({ event }: Probe): string => `${TRACING}/events/${GROUP}/${event}`;

/** Counts from here on. Does nothing on kernels that cannot: arguments at a return came with 6.9. */
export function watchCalls(): void {
  for (const probe of PROBES) {
    try {
      const definition = `r:${GROUP}/${probe.event} ${probe.definition}\n`;
      appendFileSync(`${TRACING}/kprobe_events`, definition);
      writeFileSync(`${folder(probe)}/trigger`, `hist:keys=${probe.keys}:size=4096`);
      writeFileSync(`${folder(probe)}/enable`, '1');
    } catch {
      // The functions that ran say the most of it.
    }
  }
}

export function forgetCalls(): void {
  for (const probe of PROBES) {
    if (!existsSync(folder(probe))) continue;
    writeFileSync(`${folder(probe)}/enable`, '0');
    writeFileSync(`${folder(probe)}/trigger`, `!hist:keys=${probe.keys}:size=4096`);
    appendFileSync(`${TRACING}/kprobe_events`, `-:${GROUP}/${probe.event}\n`);
  }
}

/** Rows such as `{ object: 3, method: 0, ret: 0 } hitcount: 152`; results are printed unsigned. */
function rows(probe: Probe): ReadonlyMap<string, bigint>[] {
  if (!existsSync(`${folder(probe)}/hist`)) return [];
  const lines = readFileSync(`${folder(probe)}/hist`, 'latin1').split('\n');
  const isRow = (line: string): boolean => line.startsWith('{');
  return lines.filter(isRow).map((line) => {
    const fields = [...line.matchAll(/(\w+):\s+(\d+)/g)];
    return new Map(fields.map(([, name = '', value = '0']) => [name, BigInt(value)]));
  });
}

const succeeded = (row: ReadonlyMap<string, bigint>): boolean =>
  BigInt.asIntN(64, row.get('ret') ?? -1n) >= 0n;

export function calledMethods(): readonly CalledMethod[] {
  return rows(METHODS).map((row) => ({
    object: Number(row.get('object')),
    method: Number(row.get('method')),
    succeeded: succeeded(row),
  }));
}

/** Flags of enum ib_uverbs_write_cmds: the extended form, and the command's number. */
const EXTENDED = 0x80000000;
const COMMAND_MASK = 0xff;

export function writtenCommands(): readonly WrittenCommand[] {
  return rows(WRITES).map((row) => {
    const word = Number(row.get('command'));
    return {
      command: word & COMMAND_MASK,
      extended: (word & EXTENDED) !== 0,
      succeeded: succeeded(row),
    };
  });
}
