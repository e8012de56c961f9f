/**
 * How node must be started so that the process can be forked: else the engine's other threads, which
 * no child has, take part in collecting garbage.
 */
export const FORKABLE_NODE = ['--single-threaded', '--v8-pool-size=0'];
