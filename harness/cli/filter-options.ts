import type { Argv } from 'yargs';
import { texts } from './option-values.ts';

/** Options that choose cases without knowing any device; shared by `run` and `list`. */
export function withFilterOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('area', {
      describe: 'Only cases of this area, as in dma-buf',
      type: 'string',
      requiresArg: true,
      coerce: texts('--area'),
    })
    .option('rule', {
      describe: 'Only cases that check this rule',
      type: 'string',
      requiresArg: true,
      coerce: texts('--rule'),
    })
    .option('exclude', {
      describe: 'Leave out these ids; as ID',
      type: 'string',
      requiresArg: true,
      coerce: texts('--exclude'),
    })
    .option('cases', {
      describe: 'Another directory with cases, beside those of the suite',
      type: 'string',
      requiresArg: true,
      coerce: texts('--cases'),
    })
    .group(['area', 'rule', 'exclude', 'cases'], 'Selection:');
}
