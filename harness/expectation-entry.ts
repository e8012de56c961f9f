/** Entries of the lists in `ci/expectations/`, checked. What the keys mean stands in its README.md. */
import { type FileEntry, type FileProblem, parseExpectationFile } from './expectation-file.ts';
import { EXPECTABLE, type Expectable, type Expectation } from './judge.ts';
import { type KernelVersion, parseKernelVersion } from './kernel-version.ts';
import { type IdMatcher, matchId } from './point-id.ts';

/** The lists that a folder may hold; the names of the files. */
export const LISTS = ['fails', 'flakes', 'skips'] as const;
export type ListName = (typeof LISTS)[number];

/** One entry of a list, checked. */
export interface ExpectationEntry extends Expectation {
  readonly list: ListName;
  readonly pattern: string;
  readonly matches: IdMatcher;
  /** Whether points of this case may match. */
  readonly matchesCase: IdMatcher;
  /** Its lines in the file, from 1. */
  readonly line: number;
  readonly endLine: number;
  readonly kernels: readonly KernelRange[];
  readonly until?: Until;
}

/** `>=6.0` */
export interface KernelRange {
  readonly comparison: '>=' | '<';
  readonly version: KernelVersion;
}

/** From this kernel, or after this day, the entry no longer holds. */
export type Until =
  | { readonly kind: 'kernel'; readonly version: KernelVersion; readonly text: string }
  | { readonly kind: 'day'; readonly day: string };

export interface ParsedList {
  readonly entries: readonly ExpectationEntry[];
  readonly problems: readonly FileProblem[];
}

/** A point that is not run comes to no end that could be expected. */
const KEYS: Readonly<Record<ListName, readonly string[]>> = {
  fails: ['reason', 'bug', 'kernel', 'until', 'verdict'],
  flakes: ['reason', 'bug', 'kernel', 'until', 'verdict'],
  skips: ['reason', 'bug', 'kernel', 'until'],
};
const REASONS: Readonly<Record<ListName, string>> = {
  fails: 'why it fails',
  flakes: 'why it fails now and then',
  skips: 'why it must not run',
};

/** Parses one list; `name` is how places are written. */
export function parseList(text: string, name: string, list: ListName): ParsedList {
  const parsed = parseExpectationFile(text, KEYS[list]);
  const problems = [...parsed.problems];
  const blame = (line: number, message: string) => problems.push({ line, message });
  const entries = parsed.entries.map((entry) => checkEntry(entry, name, list, blame));
  return { entries, problems: problems.sort((a, b) => a.line - b.line) };
}

type BlameLine = (line: number, message: string) => void;

function checkEntry(
  entry: FileEntry,
  name: string,
  list: ListName,
  blame: BlameLine,
): ExpectationEntry {
  const { pattern, line, endLine, values } = entry;
  for (const [key, value] of values) {
    if (key === 'reason' || wordsOf(value.text).length > 0) continue;
    blame(value.line, `'${key}' is empty: give a value or remove the line`);
  }
  const reason = values.get('reason')?.text ?? '';
  if (reason === '') {
    blame(line, `'${pattern}' has no reason: add a line 'reason: ${REASONS[list]}'`);
  }
  const bug = values.get('bug')?.text;
  const until = checkUntil(entry, blame);
  return {
    list,
    pattern,
    matches: matchId(pattern),
    matchesCase: matchId(/^[^[@#]*/.exec(pattern)?.[0] || '**'),
    line,
    endLine,
    place: `${name}:${line}`,
    reason,
    verdicts: checkVerdicts(entry, blame),
    kernels: checkKernels(entry, blame),
    ...(list === 'flakes' && { flaky: true }),
    ...(bug && { bug }),
    ...(until && { until }),
  };
}

/** What an entry expects: `fail` where it does not say. */
function checkVerdicts({ values }: FileEntry, blame: BlameLine): readonly Expectable[] {
  const value = values.get('verdict');
  if (!value) return ['fail'];
  return wordsOf(value.text).flatMap((word) => {
    const verdict = EXPECTABLE.find((known) => known === word);
    if (verdict) return [verdict];
    blame(value.line, `'${word}' cannot be expected; use one of ${EXPECTABLE.join(', ')}`);
    return [];
  });
}

function checkKernels({ values }: FileEntry, blame: BlameLine): readonly KernelRange[] {
  const value = values.get('kernel');
  return wordsOf(value?.text ?? '').flatMap((word) => {
    const [, comparison, rest] = /^(>=|<)?(.*)$/.exec(word) ?? [];
    const version = listedKernel(rest ?? '');
    if (version) return [{ comparison: comparison === '<' ? '<' : '>=', version } as const];
    blame(value?.line ?? 0, `'${word}' is no kernel; write '>=6.0', '<6.12' or both`);
    return [];
  });
}

function checkUntil({ values }: FileEntry, blame: BlameLine): Until | undefined {
  const value = values.get('until');
  if (!value || value.text === '') return undefined;
  const { text } = value;
  if (isDay(text)) return { kind: 'day', day: text };
  const version = listedKernel(text);
  if (version) return { kind: 'kernel', version, text };
  blame(value.line, `'${text}' is neither a kernel (7.3) nor a day (2027-01-31)`);
  return undefined;
}

/** Date takes the 31st of February for a day of March. */
function isDay(text: string): boolean {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** What begins with a year is a day in another notation: as a kernel it would never come. */
function listedKernel(text: string): KernelVersion | undefined {
  const version = parseKernelVersion(text);
  return version && version.major < 1000 ? version : undefined;
}

function wordsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '');
}
