import { existsSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { makeDirectories } from '../../reports/make-directories.ts';
import { UsageError } from '../errors.ts';
import { RunLock } from './run-lock.ts';

/** Where a run puts its files. */
export interface OutputDirectory {
  readonly path: string;
  /** There and empty: nobody else can take the directory for a run of his own. */
  readonly journal: string;
  /** Held until the run ends: nobody else resumes it meanwhile. */
  readonly lock: RunLock;
  /** Removes the journal, and what was made for this run as far as it is empty. */
  discard(): void;
}

/** The journal's name in a run's directory. */
export const JOURNAL_FILE = 'journal.jsonl';

/**
 * Makes the directory and its journal, which proves before anything slow is begun that it can be
 * written to. By default it is `results/20261121T081500Z`, after the start, with a number where
 * several runs start at once.
 * @throws UsageError
 */
export function prepareOutput(directory: string | undefined, start: Date): OutputDirectory {
  if (directory !== undefined) {
    const claimed = claim(directory);
    if (claimed) return claimed;
    throw new UsageError(
      `--output ${directory}: ${JOURNAL_FILE} of another run is there. Give another directory.`,
    );
  }
  const name = join('results', start.toISOString().replace(/[-:]|\.\d+/g, ''));
  for (let number = 1; ; number++) {
    const claimed = claim(number === 1 ? name : `${name}-${number}`);
    if (claimed) return claimed;
  }
}

/** @returns undefined when another run has a journal there */
function claim(directory: string): OutputDirectory | undefined {
  const path = resolve(directory);
  const journal = join(path, JOURNAL_FILE);
  try {
    const firstMade = makeDirectories(path);
    writeFileSync(journal, '', { flag: 'wx' });
    const lock = RunLock.take(journal, `--output ${directory}`);
    return { path, journal, lock, discard: () => discard(path, journal, firstMade) };
  } catch (error) {
    if (isThere(error) && existsSync(journal)) return undefined;
    if (error instanceof UsageError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `--output ${directory}: it cannot be written to: ${why}. Give another directory.`,
      { cause: error },
    );
  }
}

function isThere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
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
