/** `--resume DIR`: the command line of a run that was cut short, once more, on its own journal. */
import { join, resolve } from 'node:path';
import yargs from 'yargs';
import { UsageError } from '../errors.ts';
import type { EarlierRun } from '../run/earlier-run.ts';
import { readEarlierRun } from '../run/read-earlier-run.ts';
import { JOURNAL_FILE, type OutputDirectory } from './output-directory.ts';
import { RunLock } from './run-lock.ts';
import { type RunArguments, withRunOptions } from './run-options.ts';

export interface Resumed {
  readonly given: RunArguments;
  readonly earlier: EarlierRun;
  readonly output: OutputDirectory;
}

/**
 * Reads what the run was told. The working directory becomes that of the run, since its paths may be
 * relative.
 * @throws UsageError, JournalError
 */
export function resumeRun(directory: string): Resumed {
  refuseOthers(process.argv.slice(2));
  const path = resolve(directory);
  const journal = join(path, JOURNAL_FILE);
  // Taken first: what another process still writes is not to be read.
  const lock = RunLock.take(journal, `--resume ${directory}`);
  const earlier = readEarlierRun(journal);
  const { commandLine, seed, cwd } = earlier.header;
  if (earlier.isComplete) {
    throw new UsageError(`--resume ${directory}: that run is complete. Begin a new one.`);
  }
  const [, command, ...words] = commandLine;
  if (command !== 'run') {
    throw new UsageError(`--resume ${directory}: it was no \`run\`, but \`${command ?? ''}\`.`);
  }
  if (cwd !== undefined) changeDirectory(cwd, directory);
  const given = parseRun(words, directory);
  const chosen = given.shuffle && seed !== undefined ? { ...given, seed } : given;
  // What the run found until now is not ours to throw away.
  const output = { path, journal, lock, discard: () => {} };
  return { given: chosen, earlier, output };
}

/** What words behind `run` say. Only of a command yargs knows which words are ids. */
function parseRun(words: readonly string[], directory: string): RunArguments {
  const parsed: RunArguments[] = [];
  yargs([...words])
    .command('$0 [id..]', false, withRunOptions, (given) => {
      parsed.push(given);
    })
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new UsageError(`--resume ${directory}: ${message}`);
    })
    .parseSync();
  const [given] = parsed;
  if (!given) throw new Error(`yargs ran no command for: ${words.join(' ')}`);
  return given;
}

/** @throws UsageError when options stand beside `--resume` */
function refuseOthers(words: readonly string[]): void {
  const others = words.filter((word, index) => {
    const isItself = word === '--resume' || word.startsWith('--resume=');
    return !isItself && words[index - 1] !== '--resume' && word !== 'run';
  });
  if (others.length === 0) return;
  throw new UsageError(
    `--resume takes all options from the run that it goes on with; leave out ${others.join(' ')}.`,
  );
}

function changeDirectory(cwd: string, directory: string): void {
  try {
    process.chdir(cwd);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--resume ${directory}: the run was begun in ${cwd}: ${why}.`);
  }
}
