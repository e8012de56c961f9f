import type { CommandModule } from 'yargs';
import { type RunOptions, withRunOptions } from './run-options.ts';

/** `uapi-conform run` */
export const runCommand: CommandModule<object, RunOptions> = {
  command: 'run [id..]',
  describe: 'Run cases and judge them',
  builder: (yargs) =>
    withRunOptions(yargs)
      .example('$0 run --target vm', 'Everything, in a virtual machine')
      .example('$0 run --device vgem@vgem dma-buf', 'One area, on one device of this machine')
      .epilogue(
        'Exit codes: 0 as expected, 1 conformance failures, 2 usage or input, 3 infrastructure ' +
          'or nothing was run.',
      ),
  handler: async (given) => {
    const { listPoints, run } = await import('./run-points.ts');
    process.exitCode = await (given.list ? listPoints(given) : run(given));
  },
};
