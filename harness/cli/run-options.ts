import type { ArgumentsCamelCase, Argv } from 'yargs';
import { withFilterOptions } from './filter-options.ts';
import { withFormatOption } from './format-option.ts';
import { withJudgingOptions } from './judging-options.ts';
import { duration, positiveNumber, singleText, texts, wholeNumber } from './option-values.ts';
import { withTargetOptions } from './target-options.ts';

/** All options of `run`. */
export function withRunOptions<T>(yargs: Argv<T>) {
  const chosen = withFormatOption(withDeviceOptions(withFilterOptions(withTargetOptions(yargs))));
  return withJudgingOptions(withHowOptions(chosen)).positional('id', {
    describe: 'Cases or points: an id, a folder of them, or a glob as in dma-buf/**',
    type: 'string',
    array: true,
    default: [] as string[],
    coerce: texts('ID'),
  });
}

/** The options of `run` by their names on the command line. */
export type RunOptions =
  ReturnType<typeof withRunOptions> extends Argv<infer Options> ? Options : never;

/** What `run` was told, as its handler gets it. */
export type RunArguments = ArgumentsCamelCase<RunOptions>;

function withDeviceOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('device', {
      describe: 'Use this device: an address as `devices` shows it, or a glob',
      type: 'string',
      requiresArg: true,
      coerce: texts('--device'),
    })
    .option('all', {
      describe: 'Use every device; implied by vm targets',
      type: 'boolean',
      default: false,
    })
    .option('sample', {
      describe:
        'Of devices with the same driver one for each point, in turn, instead of all; with another process one pair',
      type: 'boolean',
      default: false,
    })
    .option('destructive', {
      describe: 'Also cases that disturb the device or the machine',
      type: 'boolean',
      default: false,
    })
    .group(['device', 'provider', 'all', 'sample', 'destructive'], 'Selection:');
}

function withHowOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('list', {
      describe: 'Print the ids of the points and run nothing',
      type: 'boolean',
      default: false,
    })
    .option('shuffle', {
      describe: 'Run in a random order',
      type: 'boolean',
      default: false,
    })
    .option('seed', {
      describe: 'The order of an earlier --shuffle',
      type: 'string',
      requiresArg: true,
      coerce: wholeNumber('--seed', 0),
    })
    .option('repeat', {
      describe: 'Run every point so many times',
      type: 'string',
      requiresArg: true,
      coerce: wholeNumber('--repeat', 1),
    })
    .option('jobs', {
      describe: 'Points side by side, each on devices of its own; default: as many as processors',
      type: 'string',
      requiresArg: true,
      coerce: wholeNumber('--jobs', 1),
    })
    .option('isolate', {
      describe: 'Give every point a process of its own',
      type: 'boolean',
      default: false,
    })
    .option('run-timeout', {
      describe: 'Stop the run after so long, as in 90s, 30m or 8h; 0 for never',
      type: 'string',
      requiresArg: true,
      coerce: duration('--run-timeout'),
    })
    .option('inactivity-timeout', {
      describe: 'Limit of the time without a step, a call or a kernel log line; 0 for none',
      type: 'string',
      requiresArg: true,
      defaultDescription: '30s',
      coerce: duration('--inactivity-timeout'),
    })
    .option('keep-going', {
      describe: 'Go on with a kernel that died, where it cannot be booted anew',
      type: 'boolean',
      default: false,
    })
    .option('reruns', {
      describe:
        'Run each surprise failure and flake again so many times, and say how often it failed',
      type: 'string',
      requiresArg: true,
      coerce: wholeNumber('--reruns', 0),
    })
    .option('investigate', {
      describe: 'Find out whether surprise failures need the point before them to fail',
      type: 'boolean',
      default: false,
    })
    .option('resume', {
      describe: 'Go on with a run that was cut short, by its directory; takes no other option',
      type: 'string',
      requiresArg: true,
      coerce: singleText('--resume'),
    })
    .option('timeout-scale', {
      describe: 'Factor on all time limits, on top of the target’s own',
      type: 'string',
      requiresArg: true,
      coerce: positiveNumber('--timeout-scale'),
    })
    .option('output', {
      describe: 'Directory of journal and reports; default: results/<time>',
      type: 'string',
      requiresArg: true,
      coerce: singleText('--output'),
    })
    .option('sync', {
      describe: 'Wait for the disk before each point, so that a panic cannot take its name along',
      type: 'boolean',
      defaultDescription: 'on the local target',
    });
}
