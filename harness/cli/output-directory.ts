import { existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../errors.ts';

/** Where a run puts its files. */
export interface OutputDirectory {
  readonly path: string;
  readonly journal: string;
  /** Removes it again when nothing was run, and it was made for this run. */
  discard(): void;
}

/** The journal's name in a run's directory. */
export const JOURNAL_FILE = 'journal.jsonl';

/** `results/20261121T081500Z`: below the working directory, named after the start. */
export function defaultOutput(start: Date): string {
  const name = start.toISOString().replace(/[-:]|\.\d+/g, '');
  return join('results', name);
}

/**
 * Makes the directory and proves that it can be written to, before anything slow is begun.
 * @throws UsageError
 */
export function prepareOutput(directory: string): OutputDirectory {
  const path = resolve(directory);
  const journal = join(path, JOURNAL_FILE);
  if (existsSync(journal)) {
    throw new UsageError(
      `--output ${directory}: ${JOURNAL_FILE} of another run is there. Give another directory.`,
    );
  }
  const firstMade = makeWritable(path, directory);
  return { path, journal, discard: () => discard(path, journal, firstMade) };
}

function makeWritable(path: string, directory: string): string | undefined {
  const probe = join(path, `.probe-${process.pid}`);
  try {
    const firstMade = makeDirectories(path);
    writeFileSync(probe, '\n');
    rmSync(probe);
    return firstMade;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `--output ${directory}: it cannot be written to: ${why}. Give another directory.`,
      { cause: error },
    );
  }
}

/**
 * Like mkdir -p. Node's own recursive mkdir never ends where mkdir(2) says ENOENT for a directory
 * whose parent is there, as /proc does (Node 20).
 * @returns the topmost directory that was made
 */
function makeDirectories(path: string): string | undefined {
  if (existsSync(path)) return undefined;
  const above = makeDirectories(dirname(path));
  mkdirSync(path);
  return above ?? path;
}

/** Only what this run made, and only while it is empty. */
function discard(path: string, journal: string, firstMade: string | undefined): void {
  rmSync(journal, { force: true });
  if (firstMade === undefined) return;
  try {
    for (let made = path; made.length >= firstMade.length; made = dirname(made)) rmdirSync(made);
  } catch {
    // Somebody else put a file there: it stays.
  }
}
