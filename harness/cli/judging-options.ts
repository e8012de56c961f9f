import type { Argv } from 'yargs';
import { SKIP_CLASSES } from '../../reports/results.ts';
import { shardOption, singleText, texts, wholeNumber, wordsOf } from './option-values.ts';

/** Options of `run` that say what is expected, how much may fail, and which part is run here. */
export function withJudgingOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('expectations', {
      describe: 'Directory of the lists to judge by; default: ci/expectations of the suite',
      type: 'string',
      requiresArg: true,
      coerce: singleText('--expectations'),
    })
    .option('board', {
      describe: 'Use the expectations of this board too, those in <driver>-<board>',
      type: 'string',
      requiresArg: true,
      coerce: singleText('--board'),
    })
    .option('require', {
      describe: `Skips of these classes are failures: ${SKIP_CLASSES.join(', ')}`,
      type: 'string',
      requiresArg: true,
      coerce: (value: unknown) => wordsOf('--require', SKIP_CLASSES, texts('--require')(value)),
    })
    .option('fail-fast', {
      describe: 'Send no more points after the first surprise',
      type: 'boolean',
      default: false,
    })
    .option('max-failures', {
      describe: 'Send no more points after so many surprises',
      type: 'string',
      requiresArg: true,
      coerce: wholeNumber('--max-failures', 1),
    })
    .option('shard', {
      describe: 'Only this part of the cases, as in 2/5; `merge` joins the runs',
      type: 'string',
      requiresArg: true,
      coerce: shardOption,
    })
    .group(
      ['expectations', 'board', 'require', 'fail-fast', 'max-failures', 'shard'],
      'What is expected:',
    )
    .example('$0 run --all --board rock5b --require no-device', 'A skip for want of a device fails')
    .example('$0 run --all --expectations ./lists --fail-fast', 'Lists of your own; stop at once')
    .example('$0 run --target vm --shard 2/5 --max-failures 20', 'One of five parts; stop early');
}
