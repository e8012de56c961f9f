import yargs from 'yargs';
import { UsageError } from '../errors.ts';
import { casesCommand } from './cases-command.ts';
import { compareCommand } from './compare-command.ts';
import { devicesCommand } from './devices-command.ts';
import { expectationsCommand } from './expectations-command.ts';
import { labCommand } from './lab-command.ts';
import { listCommand } from './list-command.ts';
import { mergeCommand } from './merge-command.ts';
import { reportCommand } from './report-command.ts';
import { runCommand } from './run-command.ts';

/**
 * The command line. `parseAsync()` of it runs the command, which sets `process.exitCode`, or rejects
 * with what is to be told to the user.
 */
export function commandLine(words: readonly string[]) {
  return yargs([...words])
    .scriptName('uapi-conform')
    .usage('$0 <command>\n\nConformance tests for accelerator, GPU and RDMA kernel uAPIs.')
    .command(runCommand)
    .command(listCommand)
    .command(devicesCommand)
    .command(reportCommand)
    .command(mergeCommand)
    .command(compareCommand)
    .command(expectationsCommand)
    .command(casesCommand)
    .command(labCommand)
    .completion('completion', 'Print a script for shell completion')
    .demandCommand(1, 'Give a command; uapi-conform --help lists them.')
    .strict()
    .recommendCommands()
    .detectLocale(false)
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error && error.name !== 'YError' ? error : misused(words, message ?? error?.message);
    });
}

/** yargs speaks of what is wrong with the command line, and of what `coerce` threw, in this way. */
function misused(words: readonly string[], message = 'the command line cannot be understood') {
  const text = message
    .replace(
      /^Not enough non-option arguments: got (\d+), need.* (\d+)$/,
      'too few arguments: $1 of $2',
    )
    .replace(/([^.?])$/, '$1.');
  return new UsageError(`${text} See ${['uapi-conform', ...commandOf(words)].join(' ')} --help.`);
}

/** Commands that have others below them. */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  expectations: ['update', 'check'],
  cases: ['check'],
  lab: ['list', 'fetch', 'shell'],
};
const COMMANDS = ['run', 'list', 'devices', 'report', 'merge', 'compare', ...Object.keys(BELOW)];

/** The command whose help is to be read; empty for one that there is not. */
function commandOf([first = '', second = '']: readonly string[]): readonly string[] {
  if (!COMMANDS.includes(first)) return [];
  return BELOW[first]?.includes(second) ? [first, second] : [first];
}
