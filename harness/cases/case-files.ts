import type { Dirent } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Problem } from './problems.ts';
import { parseSource, type SourceFile } from './source-file.ts';

/** Folders at the top of a case directory that hold no topics. */
const FIXTURES = 'fixtures';
const RULES = 'rules';

/** A JSON file of a case directory. `id` is its path there: `dma-buf/export`. */
export interface CaseFile {
  readonly id: string;
  readonly source: SourceFile;
}

export interface CaseFiles {
  readonly topics: readonly CaseFile[];
  readonly fixtures: readonly CaseFile[];
}

/** Reads a case directory; what cannot be read is noted and left out. */
export async function readCaseFiles(directory: string, problems: Problem[]): Promise<CaseFiles> {
  const paths = await jsonFiles(directory, problems);
  const read = await Promise.all(paths.map((path) => readCaseFile(directory, path, problems)));
  const files = read.flat();
  const inFolder = (folder: string) => (file: CaseFile) => file.id.startsWith(`${folder}/`);
  const fixtures = files.filter(inFolder(FIXTURES));
  const topics = files.filter((file) => !fixtures.includes(file));
  if (paths.length === 0 && problems.length === 0) {
    problems.push({
      file: shownPath(directory),
      text: 'holds no topic file; write one as cases/README.md explains',
    });
  }
  return {
    topics,
    fixtures: fixtures.map(({ id, source }) => ({ id: id.slice(FIXTURES.length + 1), source })),
  };
}

/** Paths below the directory, sorted; not the rules and not the schemas. */
async function jsonFiles(directory: string, problems: Problem[]): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(directory, { recursive: true, withFileTypes: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    problems.push({
      file: shownPath(directory),
      text: `cannot be read as a case directory: ${why}`,
    });
    return [];
  }
  return entries
    .filter((entry) => entry.name.endsWith('.json') && !entry.name.endsWith('.schema.json'))
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith(`${RULES}${sep}`))
    .sort();
}

async function readCaseFile(
  directory: string,
  path: string,
  problems: Problem[],
): Promise<CaseFile[]> {
  const file = shownPath(join(directory, path));
  try {
    const source = parseSource(file, await readFile(join(directory, path), 'utf8'), problems);
    const id = path.slice(0, -'.json'.length).split(sep).join('/');
    if (/^[a-z0-9]+([-/][a-z0-9]+)*$/.test(id)) return source === undefined ? [] : [{ id, source }];
    problems.push({ file, text: 'ids come from paths: name it in lower-case words with hyphens' });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    problems.push({ file, text: `cannot be read: ${why}` });
  }
  return [];
}

/** Relative to where the user stands, if it is below that. */
export function shownPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}
