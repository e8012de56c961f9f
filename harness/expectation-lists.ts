/** The files below `ci/expectations/`: `<driver>[-<board>]/{fails,flakes,skips}`. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { nearestFirst } from '../uapi/nearest.ts';
import { projectRoot } from '../uapi/project-root.ts';
import { UsageError } from './errors.ts';
import { type ExpectationEntry, LISTS, type ListName, parseList } from './expectation-entry.ts';

/** One file, parsed. */
export interface ExpectationList {
  /** `vgem`, `panfrost-rock5b` */
  readonly folder: string;
  readonly list: ListName;
  readonly path: string;
  /** The path as people read it. */
  readonly name: string;
  readonly text: string;
  readonly entries: readonly ExpectationEntry[];
}

/** Where the lists of this tree are. */
export function ownExpectations(): string {
  return join(projectRoot(), 'ci/expectations');
}

/**
 * Reads all lists below a directory.
 * @throws UsageError that lists every mistake as `file:line: message`
 */
export function readLists(directory: string): readonly ExpectationList[] {
  const problems: string[] = [];
  const lists = foldersIn(directory).flatMap((folder) => {
    const path = join(directory, folder);
    const files = readOr([], path, problems, () => readdirSync(path));
    const names = files.filter(isMeantAsList).sort();
    return names.flatMap((file) => readList(folder, join(path, file), problems) ?? []);
  });
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  return lists;
}

function readList(folder: string, path: string, problems: string[]): ExpectationList | undefined {
  const file = basename(path);
  const name = nameOf(path);
  const list = LISTS.find((known) => known === file);
  if (list === undefined) {
    const [likely] = nearestFirst(file, LISTS);
    problems.push(`${name}: there is no such list; did you mean '${likely}'?`);
    return undefined;
  }
  const text = readOr('', path, problems, () => readFileSync(path, 'utf8'));
  const parsed = parseList(text, name, list);
  problems.push(...parsed.problems.map(({ line, message }) => `${name}:${line}: ${message}`));
  return { folder, list, path, name, text, entries: parsed.entries };
}

/** A link that leads nowhere, a directory in a list's place: a mistake like those within lists. */
function readOr<T>(nothing: T, path: string, problems: string[], read: () => T): T {
  try {
    return read();
  } catch (error) {
    problems.push(`${nameOf(path)}: it cannot be read: ${whyOf(error)}`);
    return nothing;
  }
}

function whyOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The entries of each folder, in the order of its lists. */
export function entriesByFolder(
  lists: readonly ExpectationList[],
): ReadonlyMap<string, readonly ExpectationEntry[]> {
  const folders = new Map<string, ExpectationEntry[]>();
  for (const { folder, entries } of lists) {
    folders.set(folder, [...(folders.get(folder) ?? []), ...entries]);
  }
  return folders;
}

/** As places are written: short for those of the tree, as given for others. */
export function nameOf(path: string): string {
  const inTree = relative(projectRoot(), path);
  return inTree.startsWith('..') ? path : inTree;
}

function foldersIn(directory: string): string[] {
  try {
    const found = readdirSync(directory, { withFileTypes: true });
    const folders = found.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
    return folders.map(({ name }) => name).sort();
  } catch (error) {
    throw new UsageError(
      `${directory}: the expectations cannot be read: ${whyOf(error)}. Give a directory with a folder for ` +
        'each driver.',
      { cause: error },
    );
  }
}

/** Texts and what editors leave are not lists that somebody misspelt. */
function isMeantAsList(file: string): boolean {
  return !/^\.|~$|\.(md|orig|rej|bak)$/.test(file);
}
