import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { withFormatOption } from './format-option.ts';
import { singleText } from './option-values.ts';

type ReportOptions =
  ReturnType<typeof withReportOptions> extends Argv<infer Options> ? Options : never;
export type ReportArguments = ArgumentsCamelCase<ReportOptions>;

/** `uapi-conform report` */
export const reportCommand: CommandModule<object, ReportOptions> = {
  command: 'report <journal>',
  describe: 'Make the reports of a run again, from its journal',
  builder: (yargs) =>
    withReportOptions(yargs)
      .example('$0 report results/20261121T081500Z', 'Write the default reports again')
      .example('$0 report run/journal.jsonl --format json', 'Another format')
      .epilogue('Exit codes: 0; 2 the journal cannot be read; 3 a report cannot be written.'),
  handler: async (given) => {
    const { remakeReports } = await import('./remake-reports.ts');
    remakeReports(given);
  },
};

function withReportOptions<T>(yargs: Argv<T>) {
  return withFormatOption(yargs)
    .option('output', {
      describe: 'Directory of the reports; default: where the journal is',
      type: 'string',
      requiresArg: true,
      coerce: singleText('--output'),
    })
    .positional('journal', {
      describe: 'The journal, or the directory of a run',
      type: 'string',
      demandOption: true,
    });
}
