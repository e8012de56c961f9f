import { spawnSync } from 'node:child_process';

/**
 * How node must be started so that the process can be forked: else the engine's other threads, which
 * no child has, take part in collecting garbage.
 */
export const FORKABLE_NODE = ['--single-threaded', '--v8-pool-size=0'];

/**
 * Where the processor is emulated, which has to translate each new piece of machine code before it runs:
 * code is compiled only where a loop runs long, since what interprets is translated once for all. The
 * budget, 67,584 by default, is that of node 20; newer ones count calls, 3000 and 800 or 500 by default.
 * Source: V8, src/flags/flag-definitions.h
 */
const LATE_COMPILERS = [
  '--no-sparkplug',
  '--no-maglev',
  '--interrupt-budget=1000000',
  '--invocation-count-for-turbofan=45000',
  '--invocation-count-for-osr=10000',
];

let emulatedNode: readonly string[] | undefined;

/** How node is started that can be forked; an option that an engine does not know ends node. */
export function forkableNode(isEmulated: boolean): readonly string[] {
  if (!isEmulated) return FORKABLE_NODE;
  emulatedNode ??= [...FORKABLE_NODE, ...LATE_COMPILERS.filter(isKnown(engineOptions()))];
  return emulatedNode;
}

function engineOptions(): string {
  return spawnSync(process.execPath, ['--v8-options'], { encoding: 'utf8' }).stdout;
}

/** The engine lists `  --sparkplug (what it does)`, and takes `--no-sparkplug` for it. */
export function isKnown(options: string): (option: string) => boolean {
  const names = new Set(Array.from(options.matchAll(/^ +--([a-z0-9-]+) /gm), ([, name]) => name));
  return (option) => names.has(/^--(?:no-)?([a-z0-9-]+)/.exec(option)?.[1]);
}
