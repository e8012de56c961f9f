/**
 * What is known to go wrong with a driver: `ci/expectations/<driver>[-<board>]/fails`. The format is
 * explained in ci/expectations/README.md.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Verdict } from '../reports/results.ts';
import { VERDICTS } from '../reports/results.ts';
import { projectRoot } from '../uapi/project-root.ts';
import { UsageError } from './errors.ts';
import { type FileEntry, type FileProblem, parseExpectationFile } from './expectation-file.ts';
import type { Expectation } from './judge.ts';
import { compareKernelVersions, type KernelVersion, parseKernelVersion } from './kernel-version.ts';
import { matchId } from './point-id.ts';

/** One entry of a list, checked. */
export interface ExpectationEntry extends Expectation {
  readonly pattern: string;
  readonly matches: (id: string) => boolean;
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
  | { readonly kind: 'kernel'; readonly version: KernelVersion }
  | { readonly kind: 'day'; readonly day: string };

/** Where and when a run takes place: decides which entries hold. */
export interface Circumstances {
  /** Release of the target's kernel. */
  readonly kernel: string;
  /** `2026-11-21`, UTC. */
  readonly today: string;
  readonly board?: string;
}

/** The part of a device that names its expectation folder. */
export interface ExpectedDevice {
  readonly provider: string;
  readonly driver: string;
}

const KEYS = ['reason', 'bug', 'kernel', 'until', 'verdict'] as const;
/** What an entry may expect; `fail` where it does not say. */
const EXPECTABLE: readonly Verdict[] = ['fail', 'unhealthy', 'hang', 'crash'];

/** The lists of all folders, and which of their entries were of use. */
export class Expectations {
  readonly #folders: ReadonlyMap<string, readonly ExpectationEntry[]>;
  readonly #circumstances: Circumstances;
  readonly #used = new Set<ExpectationEntry>();
  readonly #askedFolders = new Set<string>();

  constructor(
    folders: ReadonlyMap<string, readonly ExpectationEntry[]>,
    circumstances: Circumstances,
  ) {
    this.#folders = folders;
    this.#circumstances = circumstances;
  }

  /** The first entry that holds for a point in which these devices take part. */
  find(id: string, devices: readonly ExpectedDevice[]): Expectation | undefined {
    let first: ExpectationEntry | undefined;
    for (const folder of this.#foldersOf(devices)) {
      this.#askedFolders.add(folder);
      for (const entry of this.#folders.get(folder) ?? []) {
        if (!this.#holds(entry) || !entry.matches(id)) continue;
        this.#used.add(entry);
        first ??= entry;
      }
    }
    return first;
  }

  /** Notes on entries of the folders that were asked: those that matched nothing, and those past their day. */
  remarks(): string[] {
    const entries = [...this.#askedFolders].flatMap((folder) => this.#folders.get(folder) ?? []);
    return entries.flatMap((entry) => {
      const { place, pattern, until } = entry;
      if (until?.kind === 'day' && until.day < this.#circumstances.today) {
        return [`${place}: the entry '${pattern}' ended on ${until.day}: renew or remove it`];
      }
      if (!this.#holds(entry) || this.#used.has(entry)) return [];
      return [`${place}: the entry '${pattern}' matches no point: correct or remove it`];
    });
  }

  #foldersOf(devices: readonly ExpectedDevice[]): ReadonlySet<string> {
    const { board } = this.#circumstances;
    const names = devices.flatMap(({ provider, driver }) => [provider, driver]);
    const boards = board === undefined ? [] : names.map((name) => `${name}-${board}`);
    // What is said of the board outranks what is said of the driver.
    return new Set([...boards, ...names]);
  }

  #holds(entry: ExpectationEntry): boolean {
    const { kernel, today } = this.#circumstances;
    if (entry.until?.kind === 'day' && entry.until.day < today) return false;
    const running = parseKernelVersion(kernel);
    if (!running) return true;
    if (entry.until?.kind === 'kernel') {
      if (compareKernelVersions(running, entry.until.version) >= 0) return false;
    }
    return entry.kernels.every(({ comparison, version }) => {
      const order = compareKernelVersions(running, version);
      return comparison === '>=' ? order >= 0 : order < 0;
    });
  }
}

/**
 * Reads all lists below a directory.
 * @throws UsageError that lists every mistake as `file:line: message`
 */
export function loadExpectations(
  circumstances: Circumstances,
  directory = join(projectRoot(), 'ci/expectations'),
): Expectations {
  const folders = new Map<string, readonly ExpectationEntry[]>();
  const problems: string[] = [];
  for (const folder of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, folder.name, 'fails');
    if (!folder.isDirectory() || !existsSync(path)) continue;
    const name = relative(projectRoot(), path);
    const parsed = parseFails(readFileSync(path, 'utf8'), name);
    folders.set(folder.name, parsed.entries);
    problems.push(...parsed.problems.map(({ line, message }) => `${name}:${line}: ${message}`));
  }
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  return new Expectations(folders, circumstances);
}

/** Parses one `fails` list; `name` is how places are written. */
export function parseFails(
  text: string,
  name: string,
): { readonly entries: readonly ExpectationEntry[]; readonly problems: readonly FileProblem[] } {
  const parsed = parseExpectationFile(text, KEYS);
  const problems = [...parsed.problems];
  const blame = (line: number, message: string) => problems.push({ line, message });
  const entries = parsed.entries.map((entry) => checkEntry(entry, name, blame));
  return { entries, problems: problems.sort((a, b) => a.line - b.line) };
}

type BlameLine = (line: number, message: string) => void;

function checkEntry(entry: FileEntry, name: string, blame: BlameLine): ExpectationEntry {
  const { pattern, line, values } = entry;
  const reason = values.get('reason');
  if (!reason?.text) blame(line, `'${pattern}' has no reason: add a line 'reason: why it fails'`);
  const bug = values.get('bug')?.text;
  const until = checkUntil(entry, blame);
  return {
    pattern,
    matches: matchId(pattern),
    place: `${name}:${line}`,
    reason: reason?.text ?? '',
    verdicts: checkVerdicts(entry, blame),
    kernels: checkKernels(entry, blame),
    ...(bug && { bug }),
    ...(until && { until }),
  };
}

function checkVerdicts({ values }: FileEntry, blame: BlameLine): readonly Verdict[] {
  const value = values.get('verdict');
  if (!value) return ['fail'];
  return wordsOf(value.text).flatMap((word) => {
    const verdict = VERDICTS.find((known) => known === word);
    if (verdict && EXPECTABLE.includes(verdict)) return [verdict];
    blame(value.line, `'${word}' cannot be expected; use one of ${EXPECTABLE.join(', ')}`);
    return [];
  });
}

function checkKernels({ values }: FileEntry, blame: BlameLine): readonly KernelRange[] {
  const value = values.get('kernel');
  return wordsOf(value?.text ?? '').flatMap((word) => {
    const [, comparison, rest] = /^(>=|<)?(.*)$/.exec(word) ?? [];
    const version = parseKernelVersion(rest ?? '');
    if (version) return [{ comparison: comparison === '<' ? '<' : '>=', version } as const];
    blame(value?.line ?? 0, `'${word}' is no kernel; write '>=6.0', '<6.12' or both`);
    return [];
  });
}

function checkUntil({ values }: FileEntry, blame: BlameLine): Until | undefined {
  const value = values.get('until');
  if (!value) return undefined;
  if (/^\d{4}-\d{2}-\d{2}$/.test(value.text) && !Number.isNaN(Date.parse(value.text))) {
    return { kind: 'day', day: value.text };
  }
  const version = parseKernelVersion(value.text);
  if (version) return { kind: 'kernel', version };
  blame(value.line, `'${value.text}' is neither a kernel (7.3) nor a day (2027-01-31)`);
  return undefined;
}

function wordsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '');
}
