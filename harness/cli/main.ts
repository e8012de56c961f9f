#!/usr/bin/env node
import { hideBin } from 'yargs/helpers';
import { commandLine } from './command-line.ts';
import { exitCodeOf, messageOf } from './exit.ts';

/** Whoever reads our output may go away (`| head`); a run goes on and writes its reports. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

/** An error outside the command's own call, in an event: the journal has what was found until then. */
process.on('uncaughtException', (error) => {
  process.stderr.write(`uapi-conform: ${messageOf(error)}\n`);
  process.exit(3);
});

try {
  await commandLine(hideBin(process.argv)).parseAsync();
} catch (error) {
  process.stderr.write(`uapi-conform: ${messageOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
// What a killed target may have left open must not keep the process.
setTimeout(() => process.exit(), 1000).unref();
