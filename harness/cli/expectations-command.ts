import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { singleText, texts } from './option-values.ts';

type UpdateOptions =
  ReturnType<typeof withUpdateOptions> extends Argv<infer Options> ? Options : never;
export type UpdateArguments = ArgumentsCamelCase<UpdateOptions>;
type CheckOptions =
  ReturnType<typeof withCheckOptions> extends Argv<infer Options> ? Options : never;
export type CheckListsArguments = ArgumentsCamelCase<CheckOptions>;

/** `uapi-conform expectations` */
export const expectationsCommand: CommandModule = {
  command: 'expectations',
  describe: 'Work on the lists of known failures, flakes and skips',
  builder: (yargs) =>
    yargs
      .command(updateCommand)
      .command(checkCommand)
      .demandCommand(1, 'Say what to do: expectations update RUN, or expectations check.')
      .example('$0 expectations update results/20261121T081500Z', 'Write down what failed'),
  handler: () => {},
};

const updateCommand: CommandModule<object, UpdateOptions> = {
  command: 'update <run>',
  describe: 'Add what failed in a run to the lists, and remove what passed',
  builder: (yargs) =>
    withUpdateOptions(yargs)
      .example('$0 expectations update run --dry-run', 'Only show what would change')
      .example('$0 expectations update run --board rock5b', 'The lists of one board')
      .epilogue(
        'Only lists `fails` are written. New entries want a reason: search them for TODO.\n\n' +
          'Exit codes: 0; 2 the run or a list cannot be read; 3 a list cannot be written.',
      ),
  handler: async (given) => {
    const { updateExpectations } = await import('./update-expectations.ts');
    updateExpectations(given);
  },
};

const checkCommand: CommandModule<object, CheckOptions> = {
  command: 'check',
  describe: 'Check the lists and show what is stale in them; needs no device',
  builder: (yargs) =>
    withCheckOptions(yargs)
      .example('$0 expectations check', 'The suite’s own lists')
      .example('$0 expectations check --expectations ./lists', 'Those of another directory')
      .epilogue(
        'Exit codes: 0 all is in order; 1 entries are stale or want a reason; 2 every mistake is ' +
          'listed with its place.',
      ),
  handler: async (given) => {
    const { checkExpectations } = await import('./check-expectations.ts');
    process.exitCode = await checkExpectations(given);
  },
};

function withDirectory<T>(yargs: Argv<T>) {
  return yargs.option('expectations', {
    describe: 'Directory of the lists; default: ci/expectations of the suite',
    type: 'string',
    requiresArg: true,
    coerce: singleText('--expectations'),
  });
}

function withUpdateOptions<T>(yargs: Argv<T>) {
  return withDirectory(yargs)
    .option('board', {
      describe: 'Write the lists of this board, <driver>-<board>, and leave those of the drivers',
      type: 'string',
      requiresArg: true,
      coerce: singleText('--board'),
    })
    .option('dry-run', {
      describe: 'Show what would change and write nothing',
      type: 'boolean',
      default: false,
    })
    .positional('run', {
      describe: 'The directory of a run, or its journal',
      type: 'string',
      demandOption: true,
    });
}

function withCheckOptions<T>(yargs: Argv<T>) {
  return withDirectory(yargs)
    .option('cases', {
      describe: 'Another directory with cases, beside those of the suite',
      type: 'string',
      requiresArg: true,
      coerce: texts('--cases'),
    })
    .option('provider', {
      describe: 'A path loads a provider from outside the tree, for lists that speak of it',
      type: 'string',
      requiresArg: true,
      coerce: texts('--provider'),
    });
}
