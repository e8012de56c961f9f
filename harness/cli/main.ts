#!/usr/bin/env node
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { UsageError } from '../errors.ts';
import { casesCommand } from './cases-command.ts';
import { devicesCommand } from './devices-command.ts';
import { exitCodeOf, messageOf } from './exit.ts';
import { labCommand } from './lab-command.ts';
import { listCommand } from './list-command.ts';
import { reportCommand } from './report-command.ts';
import { runCommand } from './run-command.ts';

/** Whoever reads our output may go away (`| head`); a run goes on and writes its reports. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const parser = yargs(hideBin(process.argv))
  .scriptName('uapi-conform')
  .usage('$0 <command>\n\nConformance tests for accelerator, GPU and RDMA kernel uAPIs.')
  .command(runCommand)
  .command(listCommand)
  .command(devicesCommand)
  .command(reportCommand)
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
    throw error && error.name !== 'YError' ? error : misused(message ?? error?.message);
  });

/** yargs speaks of what is wrong with the command line, and of what `coerce` threw, in this way. */
function misused(message: string | undefined): UsageError {
  const command = process.argv[2]?.startsWith('-') === false ? ` ${process.argv[2]}` : '';
  const text = message ?? 'the command line cannot be understood';
  return new UsageError(`${text.replace(/\.?$/, '.')} See uapi-conform${command} --help.`);
}

try {
  await parser.parseAsync();
} catch (error) {
  process.stderr.write(`uapi-conform: ${messageOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
// What a killed target may have left open must not keep the process.
setTimeout(() => process.exit(), 3000).unref();
