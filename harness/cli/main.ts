#!/usr/bin/env node
import { hideBin } from 'yargs/helpers';
import { commandLine } from './command-line.ts';

/** Whoever reads our output may go away (`2>&1 | head`, a terminal); a run still writes its reports. */
const GONE: readonly (string | undefined)[] = ['EPIPE', 'EIO'];
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (!GONE.includes(error.code)) throw error;
  });
}

/** What tells errors apart knows reports and runs, which most commands do not need. */
async function tell(error: unknown): Promise<number> {
  const { exitCodeOf, messageOf } = await import('./exit.ts');
  process.stderr.write(`uapi-conform: ${messageOf(error)}\n`);
  return exitCodeOf(error);
}

/** An error outside the command's own call, in an event: the journal has what was found until then. */
process.on('uncaughtException', (error) => {
  const end = () => process.exit(3);
  void tell(error).then(end, end);
});

try {
  await commandLine(hideBin(process.argv)).parseAsync();
} catch (error) {
  process.exitCode = await tell(error);
}
/**
 * What a killed target may have left open must not keep the process. What is still to be written does: who
 * reads it may take his time (`list | less`).
 */
process.stdout.write('', () => setTimeout(() => process.exit(), 1000).unref());
