import { nearestFirst } from '../../uapi/nearest.ts';
import { UsageError } from '../errors.ts';

/** A place in a file: lines and columns count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with a file; without a position it is about the file as a whole. */
export interface Problem {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  readonly text: string;
}

function lineOf(problem: Problem): string {
  const { file, line, column, text } = problem;
  return line === undefined ? `${file}: ${text}` : `${file}:${line}:${column}: ${text}`;
}

/** In the order of the files; a fixture that several cases use is blamed once. */
export function problemLines(problems: readonly Problem[]): string[] {
  const sorted = [...problems].sort(
    (a, b) =>
      (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  );
  return [...new Set(sorted.map(lineOf))];
}

/** @throws UsageError with all problems, one a line, when there are any */
export function throwProblems(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new UsageError(problemLines(problems).join('\n'));
}

/** How many known names a hint lists. */
const LISTED = 8;

/** `did you mean 'size'? known: size, access, …`, nearest first. */
export function hint(name: string, known: Iterable<string>): string {
  const names = nearestFirst(name, known);
  const [nearest] = names;
  if (nearest === undefined) return 'none are known';
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
  return `did you mean '${nearest}'? known: ${names.slice(0, LISTED).join(', ')}${more}`;
}
