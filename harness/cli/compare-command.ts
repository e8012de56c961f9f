import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { singleText, wordsOf } from './option-values.ts';

type CompareOptions =
  ReturnType<typeof withCompareOptions> extends Argv<infer Options> ? Options : never;
export type CompareArguments = ArgumentsCamelCase<CompareOptions>;

/** `uapi-conform compare` */
export const compareCommand: CommandModule<object, CompareOptions> = {
  command: 'compare <old> <new>',
  describe: 'Show what became different from one run to another',
  builder: (yargs) =>
    withCompareOptions(yargs)
      .example('$0 compare results/6.12 results/7.2', 'Two kernels')
      .example('$0 compare base patched --format json', 'For a program')
      .epilogue(
        'A time counts as different when it is more than twice the other and more than 100 ms ' +
          'away from it.\n\nExit codes: 0; 1 there are new failures or new passes against their entry; ' +
          '2 a run cannot be read; 3 the new run is not complete, or ran nothing.',
      ),
  handler: async (given) => {
    const { showComparison } = await import('./show-comparison.ts');
    process.exitCode = showComparison(given);
  },
};

function withCompareOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('format', {
      describe: 'How to print it: text or json',
      type: 'string',
      requiresArg: true,
      default: 'text',
      coerce: comparisonFormat,
    })
    .positional('old', {
      describe: 'The run to compare with: its directory or journal',
      type: 'string',
      demandOption: true,
    })
    .positional('new', {
      describe: 'The run that is looked at',
      type: 'string',
      demandOption: true,
    });
}

function comparisonFormat(value: unknown): 'text' | 'json' {
  const [format] = wordsOf('--format', ['text', 'json'], [singleText('--format')(value)]);
  return format ?? 'text';
}
