/**
 * What a run says about the `fails` lists: which entries its passes disprove, and which its failures
 * ask for. Flakes and skips are left to people: one pass proves no flake wrong, and what is not run
 * proves nothing.
 */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { stepLine } from '../reports/failure-text.ts';
import { devicesOf, notRun } from '../reports/groups.ts';
import { withoutRound } from '../reports/point-id.ts';
import type { PointRecord, Run, Verdict } from '../reports/results.ts';
import { editList, type NewEntry } from './expectation-edit.ts';
import type { ExpectationEntry } from './expectation-entry.ts';
import { type ExpectationList, nameOf } from './expectation-lists.ts';
import { type ExpectedDevice, expectationFolders, holds } from './expectations.ts';
import { matchId } from './point-id.ts';

/** What becomes of one file. */
export interface ListUpdate {
  readonly path: string;
  readonly name: string;
  readonly text: string;
  readonly removed: readonly Removal[];
  readonly added: readonly NewEntry[];
}

export interface Removal {
  readonly entry: ExpectationEntry;
  /** Points that passed. */
  readonly passes: number;
}

export interface Update {
  readonly files: readonly ListUpdate[];
  /** What was left as it is, and why. */
  readonly remarks: readonly string[];
}

export interface UpdateInput {
  readonly run: Run;
  readonly lists: readonly ExpectationList[];
  /** Where new lists are made. */
  readonly directory: string;
  /** Writes the lists of this board, and leaves those of the drivers alone. */
  readonly board?: string;
}

/** Verdicts that an entry can expect. */
const BAD: ReadonlySet<Verdict> = new Set(['fail', 'unhealthy', 'hang', 'crash']);
const PASSED: ReadonlySet<Verdict> = new Set(['pass', 'unexpected-pass']);

/** A point of the run with the folders that speak of it. */
interface Judged {
  readonly id: string;
  readonly point: PointRecord;
  readonly folders: ReadonlySet<string>;
  /** Where an entry for it is to stand. */
  readonly home: string;
}

/** Works out what is to be written; writes nothing. */
export function updateLists(input: UpdateInput): Update {
  const judged = judgedPoints(input);
  const remarks: string[] = [];
  const removals = findRemovals(input, judged, remarks);
  const additions = findAdditions(input, judged, remarks);
  const folders = new Set([...removals.keys(), ...additions.keys()]);
  const files = [...folders].sort().map((folder): ListUpdate => {
    const list = input.lists.find((each) => each.folder === folder && each.list === 'fails');
    const removed = removals.get(folder) ?? [];
    const added = additions.get(folder) ?? [];
    const path = list?.path ?? join(input.directory, folder, 'fails');
    const before = list?.text ?? `# ${folder}. Seen on ${kernelOf(input.run)}.\n`;
    const text = editList(
      before,
      removed.map(({ entry }) => entry),
      added,
    );
    return { path, name: nameOf(path), text, removed, added };
  });
  return { files, remarks };
}

function judgedPoints({ run, board }: UpdateInput): readonly Judged[] {
  const devices = devicesOf(run);
  return run.points.map((point) => {
    const known: readonly ExpectedDevice[] = Object.values(point.devices).flatMap(
      (address) => devices.get(address) ?? [],
    );
    const { provider } = point;
    const taking = known.length > 0 ? known : [{ provider, driver: provider }];
    return {
      id: withoutRound(point.id),
      point,
      folders: expectationFolders(taking, board),
      home: board === undefined ? provider : `${provider}-${board}`,
    };
  });
}

function findRemovals(
  input: UpdateInput,
  judged: readonly Judged[],
  remarks: string[],
): ReadonlyMap<string, readonly Removal[]> {
  const removals = new Map<string, Removal[]>();
  const unjudged = [...input.run.interrupted, ...notRun(input.run)];
  for (const { folder, entries, list } of input.lists) {
    if (list !== 'fails') continue;
    const ofFolder = judged.filter(({ folders }) => folders.has(folder));
    for (const entry of entries.filter((each) => isInForce(each, input.run))) {
      const points = ofFolder.filter(({ id }) => entry.matches(id));
      const passes = points.filter(({ point }) => PASSED.has(point.verdict)).length;
      if (passes === 0 || passes < points.length || unjudged.some(entry.matches)) continue;
      const kept = whyKept(entry, folder, points, input);
      if (kept) remarks.push(`${entry.place}: '${entry.pattern}' passes, but ${kept}`);
      else removals.set(folder, [...(removals.get(folder) ?? []), { entry, passes }]);
    }
  }
  return removals;
}

/** Points that were not run here may still fail. */
function whyKept(
  entry: ExpectationEntry,
  folder: string,
  points: readonly Judged[],
  { run, board }: UpdateInput,
): string | undefined {
  if (board !== undefined && !folder.endsWith(`-${board}`)) {
    return `it is kept: it speaks of all boards, and only ${board} was run`;
  }
  if (isWhole(run) || points.every(({ id }) => id === entry.pattern)) return undefined;
  return 'it is kept: the run was of a part of the points, and the entry may match others';
}

function findAdditions(
  input: UpdateInput,
  judged: readonly Judged[],
  remarks: string[],
): ReadonlyMap<string, readonly NewEntry[]> {
  const additions = new Map<string, NewEntry[]>();
  for (const one of judged) {
    const { id, point, home } = one;
    // A skip that --require made a failure says nothing of the driver.
    if (!BAD.has(point.verdict) || point.skip !== undefined || point.provider === '') continue;
    const added = additions.get(home) ?? [];
    if (added.some(({ pattern }) => matchId(pattern)(id))) continue;
    const kept = whyNotAdded(one, input);
    if (kept) remarks.push(`${id}: ${kept}`);
    else additions.set(home, [...added, newEntry(one, input, judged)]);
  }
  return additions;
}

function whyNotAdded(
  { id, point, folders }: Judged,
  { lists, run }: UpdateInput,
): string | undefined {
  if (point.reason?.startsWith('defect of the suite')) {
    return `not added, because the suite is to blame: ${point.reason}`;
  }
  const entry = lists
    .filter(({ folder, list }) => folders.has(folder) && list !== 'skips')
    .flatMap(({ entries }) => entries)
    .find((each) => isInForce(each, run) && each.matches(id));
  if (!entry) return undefined;
  const expected = entry.verdicts.join(' or ');
  const came = wrongIn(point).join(' and ');
  return `not added: ${entry.place} expects ${expected}, but it came to ${came}; change that`;
}

function newEntry(one: Judged, { run }: UpdateInput, judged: readonly Judged[]): NewEntry {
  const { failure, reason = '' } = one.point;
  const why = failure ? stepLine(failure) : reason;
  const pattern = widestPattern(one, run, judged);
  return { pattern, verdicts: wrongIn(one.point), reason: `TODO: explain. ${why}` };
}

/** All that an entry for the point must expect. */
function wrongIn({ verdict, also = [] }: PointRecord): readonly string[] {
  return [verdict, ...also];
}

/**
 * The case, or the case with its parameters, where all of it that the driver ran came to the same;
 * the address of a device is another one on another machine.
 */
function widestPattern(one: Judged, run: Run, judged: readonly Judged[]): string {
  const [, name = one.id, values = ''] = /^([^[@]*)(\[[^\]]*\])?/.exec(one.id) ?? [];
  const wider = [...(isWhole(run) ? [name] : []), `${name}${values}`];
  const wrong = wrongIn(one.point);
  const fits = (pattern: string) => {
    const matches = matchId(pattern);
    return judged
      .filter(({ id, folders }) => matches(id) && folders.has(one.home))
      .every(({ point }) => isDeepStrictEqual(wrongIn(point), wrong) && point.skip === undefined);
  };
  return wider.find(fits) ?? one.id;
}

/** Everything that the target has was run. */
function isWhole(run: Run): boolean {
  return run.end?.outcome === 'complete' && !run.run.partial && run.run.shard === undefined;
}

/** When the run took place. */
function isInForce(entry: ExpectationEntry, run: Run): boolean {
  return holds(entry, { kernel: kernelOf(run), today: run.run.startedAt.slice(0, 10) });
}

function kernelOf(run: Run): string {
  return run.targets.at(-1)?.kernel ?? '';
}
