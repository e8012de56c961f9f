import type { Argv } from 'yargs';
import type { ReportFormat } from '../../reports/write.ts';
import { texts, wordsOf } from './option-values.ts';

/** Named here too, because the module that writes them is slow to load: reports/write.ts. */
const FORMATS = [
  'junit',
  'ktap',
  'json',
  'html',
  'summary',
] as const satisfies readonly ReportFormat[];

/** What is written where the user asks for nothing else. */
export const DEFAULT_FORMATS: readonly ReportFormat[] = ['junit', 'summary'];

/** `--format`, shared by `run` and `report`. */
export function withFormatOption<T>(yargs: Argv<T>) {
  return yargs.option('format', {
    describe: `Which reports, beside ${DEFAULT_FORMATS.join(' and ')}: ${FORMATS.join(', ')}`,
    type: 'string',
    requiresArg: true,
    coerce: (value: unknown) => wordsOf('--format', FORMATS, texts('--format')(value)),
  });
}
