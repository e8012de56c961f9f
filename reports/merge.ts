/**
 * Joins the journals of runs that each took a part of the points, as `--shard` makes them, into one.
 * Records are passed on as they are; of a point that several journals have, one journal's are taken.
 */
import { withoutOptions } from './command-text.ts';
import type { RecordSource } from './journal.ts';
import type { EndRecord, JournalRecord, RunRecord, Verdict } from './results.ts';
import { VERDICTS } from './results.ts';

/** One journal, by the name that notes give it. It is read twice, so that no more than ids is held. */
export interface MergeInput {
  readonly name: string;
  readonly records: () => RecordSource;
}

/** What a first reading of all journals finds. */
export interface MergePlan {
  readonly inputs: readonly MergeInput[];
  readonly parts: readonly Part[];
  /** Why these are not parts of one run; empty when they are. */
  readonly conflicts: readonly string[];
  /** Parts of the run that are not here. */
  readonly missing: readonly string[];
}

interface Part {
  readonly name: string;
  readonly run: RunRecord;
  readonly kernels: readonly string[];
  /** Addresses of those that it began with; absent where it came to no target. */
  readonly devices?: readonly string[];
  readonly planned: readonly string[];
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** Began, and has no verdict. */
  readonly interrupted: ReadonlySet<string>;
  readonly end?: EndRecord;
}

/** Points that several journals judged differently and that are worth a note each. */
const MAX_DIFFERENCES = 10;

/** Reads all journals once. @throws JournalError where one cannot be read */
export function planMerge(inputs: readonly MergeInput[]): MergePlan {
  const parts = inputs.map(readPart);
  const missing = missingShards(parts);
  const asked = [...differences(parts), ...differencesOfShards(parts)];
  return { inputs, parts, missing, conflicts: [...asked, ...missing] };
}

function readPart({ name, records }: MergeInput): Part {
  let run: RunRecord | undefined;
  let end: EndRecord | undefined;
  const kernels = new Set<string>();
  let devices: readonly string[] | undefined;
  const planned = new Set<string>();
  const verdicts = new Map<string, Verdict>();
  const interrupted = new Set<string>();
  for (const record of records()) {
    end = undefined;
    if (record.type === 'run') run ??= record;
    if (record.type === 'target') {
      kernels.add(`${record.kernel} ${record.machine}`);
      devices ??= record.devices.map(({ address }) => address).sort();
    }
    if (record.type === 'plan') for (const id of record.points) planned.add(id);
    // What has a verdict began once more, to be looked at again.
    if (record.type === 'started' && !verdicts.has(record.id)) interrupted.add(record.id);
    if (record.type === 'point') {
      interrupted.delete(record.id);
      verdicts.set(record.id, record.verdict);
    }
    if (record.type === 'end') end = record;
  }
  if (!run) throw new Error(`${name}: the reader let a journal without a run record pass`);
  const ids = [...planned];
  return {
    name,
    run,
    kernels: [...kernels],
    planned: ids,
    verdicts,
    interrupted,
    ...(devices && { devices }),
    ...(end && { end }),
  };
}

function differences(parts: readonly Part[]): string[] {
  return [
    ...difference('are of different suites', parts, ({ run: { suite } }) => {
      return `${suite.version} (${suite.commit})`;
    }),
    // A run that came to no target says nothing of its kernel.
    ...difference('are of different kernels', parts, ({ kernels }) => {
      return [...kernels].sort().join(', ') || undefined;
    }),
  ];
}

/** Each shard has its part of the same points: then nothing of them is in no shard. */
function differencesOfShards(parts: readonly Part[]): string[] {
  const shards = parts.filter(({ run }) => run.shard !== undefined);
  return [
    ...difference('were asked for different points', shards, ({ run }) => selectionOf(run)),
    ...difference('have different devices', shards, ({ devices }) => {
      return devices && (devices.join(', ') || 'none');
    }),
  ];
}

function difference(
  what: string,
  parts: readonly Part[],
  of: (part: Part) => string | undefined,
): string[] {
  const values = new Map<string, string>();
  for (const part of parts) {
    const value = of(part);
    if (value !== undefined) values.set(value, part.name);
  }
  if (values.size < 2) return [];
  return [`they ${what}: ${[...values].map(([value, name]) => `${value} in ${name}`).join('; ')}`];
}

/** Options of a run that say where it runs and what it writes: shards may differ in them. */
const OWN_OPTIONS: ReadonlySet<string> = new Set([
  '--shard',
  '--output',
  '--format',
  '--jobs',
  '--target',
  '--ssh-config',
  '--power-cycle',
]);

/** What is left of a run's command line: what it was to run, and how. */
function selectionOf({ commandLine: [, , ...words] }: RunRecord): string {
  return withoutOptions(words, OWN_OPTIONS).join(' ') || 'everything';
}

function missingShards(parts: readonly Part[]): string[] {
  const shards = parts.flatMap(({ run }) => run.shard ?? []);
  if (shards.length === 0) return [];
  if (shards.length < parts.length) return ['some are shards and some are whole runs'];
  const counts = [...new Set(shards.map(({ of }) => of))];
  const [of = 0] = counts;
  if (counts.length > 1) return [`they are shards of ${counts.join(' and of ')}`];
  const given = new Set(shards.map(({ index }) => index));
  const missing = Array.from({ length: of }, (_, at) => at + 1).filter((n) => !given.has(n));
  if (missing.length === 0) return [];
  return [`${missing.length === 1 ? 'shard' : 'shards'} ${missing.join(', ')} of ${of} missing`];
}

/** The records of the one journal, in the order in which they are to be written. */
export function* mergedRecords(plan: MergePlan): Generator<JournalRecord> {
  const { parts, inputs } = plan;
  const chosen = choose(parts);
  yield headerOf(parts);
  yield { type: 'plan', points: [...new Set(parts.flatMap(({ planned }) => planned))] };
  const at =
    parts
      .map(({ end, run }) => end?.at || run.startedAt)
      .sort()
      .at(-1) ?? '';
  for (const text of plan.conflicts.map((conflict) => `merged all the same: ${conflict}`)) {
    yield { type: 'note', at, text };
  }
  for (const text of chosen.notes) yield { type: 'note', at, text };
  const said = new Set<string>();
  for (const [index, { records }] of inputs.entries()) {
    for (const record of records()) {
      if (isPassedOn(record, index, chosen.journals, said)) yield record;
    }
  }
  yield endOf(plan, at);
}

/** Notes on expectations are alike in all shards. */
function isPassedOn(
  record: JournalRecord,
  index: number,
  journals: ReadonlyMap<string, number>,
  said: Set<string>,
): boolean {
  switch (record.type) {
    case 'target':
      return true;
    case 'started':
    case 'point':
      return journals.get(record.id) === index;
    case 'note': {
      const isNew = !said.has(record.text);
      said.add(record.text);
      return isNew;
    }
    case 'run':
    case 'plan':
    case 'end':
      return false;
  }
}

interface Choice {
  /** Which journal's records are taken, by point. */
  readonly journals: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
}

/** A verdict outranks none, one of a point that ran outranks a skip, and then the worse one counts. */
function choose(parts: readonly Part[]): Choice {
  const journals = new Map<string, number>();
  const ranks = new Map<string, number>();
  const differing = new Set<string>();
  let repeated = 0;
  for (const [index, part] of parts.entries()) {
    for (const id of [...part.verdicts.keys(), ...part.interrupted]) {
      const rank = rankOf(part.verdicts.get(id));
      const earlier = ranks.get(id);
      if (earlier !== undefined) {
        repeated++;
        if (earlier !== rank) differing.add(id);
        if (earlier >= rank) continue;
      }
      ranks.set(id, rank);
      journals.set(id, index);
    }
  }
  const notes = repeated === 0 ? [] : repeatNotes(repeated, [...differing], parts);
  return { journals, notes };
}

function rankOf(verdict: Verdict | undefined): number {
  if (verdict === undefined) return -2;
  return verdict === 'skip' ? -1 : VERDICTS.indexOf(verdict);
}

function repeatNotes(
  repeated: number,
  differing: readonly string[],
  parts: readonly Part[],
): string[] {
  const shown = differing.slice(0, MAX_DIFFERENCES).map((id) => {
    const verdicts = parts.flatMap(({ name, verdicts }) => {
      const verdict = verdicts.get(id);
      return verdict ? [`${verdict} in ${name}`] : [];
    });
    return `${id}: ${verdicts.join(', ')}; the worse counts, a skip only where nothing else is`;
  });
  const points = repeated === 1 ? '1 point is' : `${repeated} points are`;
  return [`${points} in more than one journal, ${differing.length} with another verdict`, ...shown];
}

function headerOf(parts: readonly Part[]): RunRecord {
  const [first] = [...parts].sort((a, b) => (a.run.startedAt < b.run.startedAt ? -1 : 1));
  if (!first) throw new Error('nothing to merge');
  const { shard: _, partial: __, seed: ___, ...run } = first.run;
  const targets = [...new Set(parts.map((part) => part.run.target))];
  const isPartial = parts.some((part) => part.run.partial === true);
  return { ...run, target: targets.join(', '), ...(isPartial && { partial: true }) };
}

/** Complete when all parts are there and complete. */
function endOf({ parts, missing }: MergePlan, at: string): EndRecord {
  const cut = parts.filter(({ end }) => end?.outcome !== 'complete');
  if (cut.length + missing.length === 0) return { type: 'end', at, outcome: 'complete' };
  const outcome = cut.some(({ end }) => end?.outcome === 'failed') ? 'failed' : 'interrupted';
  const reasons = cut.map(({ name, end }) => `${name}: ${end?.reason ?? end?.outcome ?? 'cut'}`);
  return { type: 'end', at, outcome, reason: [...missing, ...reasons].join('; ') };
}
