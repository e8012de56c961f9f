import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { texts } from './option-values.ts';

type CheckOptions =
  ReturnType<typeof withCheckOptions> extends Argv<infer Options> ? Options : never;
export type CheckArguments = ArgumentsCamelCase<CheckOptions>;

/** `uapi-conform cases` */
export const casesCommand: CommandModule = {
  command: 'cases',
  describe: 'Work on case files',
  builder: (yargs) =>
    yargs
      .command(checkCommand)
      .demandCommand(1, 'Say what to do: cases check.')
      .example('$0 cases check', 'Check the suite’s own cases and rules'),
  handler: () => {},
};

const checkCommand: CommandModule<object, CheckOptions> = {
  command: 'check [directory..]',
  describe: 'Check case files and rules; needs no device',
  builder: (yargs) =>
    withCheckOptions(yargs)
      .example('$0 cases check', 'The suite’s own cases')
      .example('$0 cases check ./cases', 'Also those of a directory')
      .epilogue('Exit codes: 0 all is in order; 2 every mistake is listed with its place.'),
  handler: async (given) => {
    const { showCheck } = await import('./check-cases.ts');
    await showCheck(given);
  },
};

function withCheckOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('provider', {
      describe: 'A path loads a provider from outside the tree, for cases that use it',
      type: 'string',
      requiresArg: true,
      coerce: texts('--provider'),
    })
    .positional('directory', {
      describe: 'Directories with cases, beside the suite’s own',
      type: 'string',
      array: true,
      default: [] as string[],
    });
}
