import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { withFormatOption } from './format-option.ts';
import { singleText } from './option-values.ts';

type MergeOptions =
  ReturnType<typeof withMergeOptions> extends Argv<infer Options> ? Options : never;
export type MergeArguments = ArgumentsCamelCase<MergeOptions>;

/** `uapi-conform merge` */
export const mergeCommand: CommandModule<object, MergeOptions> = {
  command: 'merge <run..>',
  describe: 'Join the runs of shards into one, with its reports',
  builder: (yargs) =>
    withMergeOptions(yargs)
      .example('$0 merge shard-1 shard-2 shard-3 --output all', 'Three directories into one')
      .example('$0 merge s1 s2 --output all --force', 'Although the third shard is missing')
      .epilogue(
        'Exit codes: 0 as expected, 1 conformance failures, 3 a part is not complete; ' +
          '2 the runs do not belong together or cannot be read.',
      ),
  handler: async (given) => {
    const { mergeRuns } = await import('./merge-runs.ts');
    process.exitCode = mergeRuns(given);
  },
};

function withMergeOptions<T>(yargs: Argv<T>) {
  return withFormatOption(yargs)
    .option('output', {
      describe: 'Directory of the merged journal and reports; as in --output all',
      type: 'string',
      requiresArg: true,
      demandOption: true,
      coerce: singleText('--output'),
    })
    .option('force', {
      describe:
        'Also when suites, kernels, devices or what was asked for differ, or a shard is missing; the report says so',
      type: 'boolean',
      default: false,
    })
    .positional('run', {
      describe: 'Directories of runs, or their journals',
      type: 'string',
      array: true,
      demandOption: true,
    });
}
