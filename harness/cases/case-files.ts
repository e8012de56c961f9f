import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Problem } from './problems.ts';
import { parseSource, type SourceFile } from './source-file.ts';

/** Folders at the top of a case directory that hold no topics. */
const FIXTURES = 'fixtures';
const RULES = 'rules';

/** A JSON file of a case directory, not looked into. `id` is its path there: `dma-buf/export`. */
export interface CaseText {
  readonly id: string;
  /** As messages show it. */
  readonly file: string;
  readonly text: string;
}

/** The same, and what is in it. */
export interface CaseFile {
  readonly id: string;
  readonly source: SourceFile;
}

/** The files of a case directory by what they are. */
export interface Sorted<File> {
  readonly topics: readonly File[];
  readonly fixtures: readonly File[];
}

/** Reads and parses a case directory; what cannot be read is noted and left out. */
export function readCaseFiles(directory: string, problems: Problem[]): Sorted<CaseFile> {
  const { topics, fixtures } = readCaseTexts(directory, problems);
  return {
    topics: topics.flatMap((text) => parseCase(text, problems) ?? []),
    fixtures: fixtures.flatMap((text) => parseCase(text, problems) ?? []),
  };
}

/** Reads a case directory; what cannot be read is noted and left out. */
export function readCaseTexts(directory: string, problems: Problem[]): Sorted<CaseText> {
  const paths = jsonFiles(directory, problems);
  const files = paths.flatMap((path) => readCaseText(directory, path, problems) ?? []);
  if (paths.length === 0 && problems.length === 0) {
    problems.push({
      file: shownPath(directory),
      text: 'holds no topic file; write one as cases/README.md explains',
    });
  }
  const isFixture = ({ id }: CaseText) => id.startsWith(`${FIXTURES}/`);
  return {
    topics: files.filter((file) => !isFixture(file)),
    fixtures: files
      .filter(isFixture)
      .map((file) => ({ ...file, id: file.id.slice(FIXTURES.length + 1) })),
  };
}

/** Looks into a file. @returns undefined, and adds to `problems`, when it is not JSON */
export function parseCase({ id, file, text }: CaseText, problems: Problem[]): CaseFile | undefined {
  const source = parseSource(file, text, problems);
  return source === undefined ? undefined : { id, source };
}

/** Paths below the directory, sorted; not the rules and not the schemas. */
function jsonFiles(directory: string, problems: Problem[]): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { recursive: true, withFileTypes: true });
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

function readCaseText(directory: string, path: string, problems: Problem[]): CaseText | undefined {
  const file = shownPath(join(directory, path));
  const id = path.slice(0, -'.json'.length).split(sep).join('/');
  if (!/^[a-z0-9]+([-/][a-z0-9]+)*$/.test(id)) {
    problems.push({ file, text: 'ids come from paths: name it in lower-case words with hyphens' });
    return undefined;
  }
  try {
    return { id, file, text: readFileSync(join(directory, path), 'utf8') };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    problems.push({ file, text: `cannot be read: ${why}` });
    return undefined;
  }
}

/** Relative to where the user stands, if it is below that. */
export function shownPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}
