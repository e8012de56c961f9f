import type { CommandModule } from 'yargs';

/** `uapi-conform lab`: all but its name stands in ci/lab, which is loaded when it is asked for. */
export const labCommand: CommandModule = {
  command: 'lab',
  describe: 'List, fetch and try the kernels of the vm target',
  builder: async (yargs) => {
    // biome-ignore lint/style/noRestrictedImports: this is the dynamic import that the rule speaks of
    const { labCommand: inner } = await import('../../ci/lab/command.ts');
    return typeof inner.builder === 'function' ? await inner.builder(yargs) : yargs;
  },
  handler: () => {},
};
