/**
 * How node must be started so that the process can be forked: else the engine's other threads, which
 * no child has, take part in collecting garbage.
 */
export const FORKABLE_NODE = ['--single-threaded', '--v8-pool-size=0'];

/**
 * The same where the processor is emulated, which has to translate each new piece of machine code before
 * it runs: code is compiled only where a loop runs long, since what interprets is translated once for
 * all. The default of the budget is 67,584. Source: V8, src/flags/flag-definitions.h
 */
export const EMULATED_NODE = [...FORKABLE_NODE, '--no-sparkplug', '--interrupt-budget=1000000'];
