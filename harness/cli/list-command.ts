import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { withFilterOptions } from './filter-options.ts';
import { texts } from './option-values.ts';

type ListOptions = ReturnType<typeof withListOptions> extends Argv<infer Options> ? Options : never;
export type ListArguments = ArgumentsCamelCase<ListOptions>;

/** `uapi-conform list` */
export const listCommand: CommandModule<object, ListOptions> = {
  command: 'list [id..]',
  describe: 'Show the cases; needs no device',
  builder: (yargs) =>
    withListOptions(yargs)
      .example('$0 list --rule DMABUF-004', 'The cases that check one rule')
      .example('$0 list --points dma-buf', 'The points of an area, without their devices')
      .epilogue('Exit codes: 0, or 2 when a case file or a filter is wrong.'),
  handler: async (given) => {
    const { listCases } = await import('./list-cases.ts');
    await listCases(given);
  },
};

function withListOptions<T>(yargs: Argv<T>) {
  return withFilterOptions(yargs)
    .option('points', {
      describe: 'Print the ids of cases with their parameters, one on a line',
      type: 'boolean',
      default: false,
    })
    .option('provider', {
      describe: 'A path loads a provider from outside the tree, for cases that use it',
      type: 'string',
      requiresArg: true,
      coerce: texts('--provider'),
    })
    .positional('id', {
      describe: 'Cases: an id, a folder of them, or a glob',
      type: 'string',
      array: true,
      default: [] as string[],
      coerce: texts('ID'),
    });
}
