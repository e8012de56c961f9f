import t from 'tap';
import { assembleRun } from './journal.ts';
import { mergedRecords, planMerge } from './merge.ts';
import type { JournalRecord, PointRecord, RunRecord, Shard } from './results.ts';
import { samplePoint, sampleRecords, sampleRunRecord, sampleTarget } from './sample-run.ts';

/** The journal of one shard. */
function journal(
  points: readonly PointRecord[],
  run: Partial<RunRecord> = {},
  more: readonly JournalRecord[] = [],
): readonly JournalRecord[] {
  const [, ...rest] = sampleRecords(points);
  const end = rest.pop();
  return [{ ...sampleRunRecord, ...run }, ...rest, ...more, ...(end ? [end] : [])];
}

function merge(...journals: readonly (readonly JournalRecord[])[]) {
  const inputs = journals.map((records, at) => ({ name: `s${at + 1}`, records: () => records }));
  const plan = planMerge(inputs);
  return { conflicts: plan.conflicts, run: assembleRun(mergedRecords(plan)) };
}

const shard = (index: number, of = 2): { readonly shard: Shard } => ({ shard: { index, of } });
const a = samplePoint('pass', { id: 'a' });
const b = samplePoint('fail', { id: 'b' });
const note: JournalRecord = { type: 'note', at: '', text: 'expectations: f:1 matches nothing' };

t.test('shards become one whole run', async (t) => {
  const { conflicts, run } = merge(
    journal([a], { ...shard(1), startedAt: '2026-11-21T10:00:05Z' }, [note]),
    journal([b], { ...shard(2), startedAt: '2026-11-21T10:00:00Z', seed: 5 }, [note]),
  );
  t.strictSame(conflicts, []);
  t.strictSame(run.points, [a, b]);
  t.strictSame(run.planned, ['a', 'b']);
  t.match(run.run, { startedAt: '2026-11-21T10:00:00Z', shard: undefined, seed: undefined });
  t.strictSame(run.notes, [note.text], 'what all shards say is said once');
  t.match(run.end, { outcome: 'complete' });
  t.equal(run.targets.length, 2);
});

const duplicates: readonly {
  readonly name: string;
  readonly first: PointRecord['verdict'];
  readonly second: PointRecord['verdict'];
  readonly want: PointRecord['verdict'];
}[] = [
  { name: 'the worse verdict counts', first: 'pass', second: 'crash', want: 'crash' },
  { name: 'in whichever order', first: 'crash', second: 'pass', want: 'crash' },
  { name: 'a verdict outranks a skip', first: 'skip', second: 'pass', want: 'pass' },
  { name: 'a skip stays where nothing else is', first: 'skip', second: 'skip', want: 'skip' },
];
for (const { name, first, second, want } of duplicates) {
  t.test(`a point in two journals: ${name}`, async (t) => {
    const point = (verdict: PointRecord['verdict']) => samplePoint(verdict, { id: 'x' });
    const { run } = merge(journal([point(first)]), journal([point(second)]));
    t.strictSame(
      run.points.map(({ verdict }) => verdict),
      [want],
    );
    t.match(run.notes[0], /^1 point is in more than one journal/);
    if (first !== second) t.match(run.notes[1], `x: ${first} in s1, ${second} in s2`);
  });
}

t.test('a point that was cut off in one journal and judged in another is judged', async (t) => {
  const cut: JournalRecord = { type: 'started', id: 'a', at: '' };
  const { run } = merge(journal([], {}, [cut]), journal([a]));
  t.strictSame(run.interrupted, []);
  t.strictSame(run.points, [a]);
});

t.test('a judged point that was begun again is no second one', async (t) => {
  const again: JournalRecord = { type: 'started', id: 'a', at: '' };
  const { run } = merge(journal([a], shard(1), [again]), journal([b], shard(2)));
  t.strictSame(run.notes, []);
  t.strictSame(run.points, [a, b]);
});

const asked = (index: number, ...words: readonly string[]) => ({
  ...shard(index),
  commandLine: ['uapi-conform', 'run', '--all', ...words],
});

t.test('shards may differ in where they ran and where they wrote', async (t) => {
  const { conflicts } = merge(
    journal([a], asked(1, '--shard', '1/2', '--target', 'ssh:a', '--output', 's1', 'alloc')),
    journal([b], asked(2, '--target=ssh:b', '--shard=2/2', '--output=s2', 'alloc')),
  );
  t.strictSame(conflicts, []);
});

const refused: readonly {
  readonly name: string;
  readonly second: readonly JournalRecord[];
  readonly says: RegExp;
  readonly end?: RegExp;
}[] = [
  {
    name: 'another suite',
    second: journal([b], { ...shard(2), suite: { version: '0.1.0', commit: 'fff' } }),
    says: /different suites: 0\.1\.0 \(0123456789ab\) in s1; 0\.1\.0 \(fff\) in s2/,
  },
  {
    name: 'another kernel',
    second: journal([b], shard(2)).map((record) =>
      record.type === 'target' ? { ...sampleTarget, kernel: '7.2' } : record,
    ),
    says: /different kernels: .*7\.2 x86_64 in s2/,
  },
  {
    name: 'another selection',
    second: journal([b], asked(2, '--shard', '2/2', '--area', 'map')),
    says: /asked for different points: everything in s1; --all --area map in s2/,
  },
  {
    name: 'other devices',
    second: journal([b], shard(2)).map((record) =>
      record.type === 'target' ? { ...sampleTarget, devices: [] } : record,
    ),
    says: /have different devices: vgem@platform:vgem.* in s1; none in s2/,
  },
  {
    name: 'one that came to no target',
    second: journal([b], shard(2, 2)).slice(0, 1),
    says: /^$/,
  },
  { name: 'a split of another size', second: journal([b], shard(3, 3)), says: /of 2 and of 3/ },
  { name: 'a whole run', second: journal([b]), says: /some are shards and some/ },
  {
    name: 'the same shard again',
    second: journal([b], shard(1)),
    says: /shard 2 of 2 missing/,
    end: /shard 2 of 2 missing/,
  },
];
for (const { name, second, says, end } of refused) {
  t.test(`a shard and ${name}`, async (t) => {
    const { conflicts, run } = merge(journal([a], shard(1)), second);
    t.match(conflicts.join('; '), says);
    if (conflicts.length > 0) t.match(run.notes[0], /^merged all the same: /);
    if (end) t.match(run.end, { outcome: 'interrupted', reason: end });
  });
}

t.test('a part that was cut is named', async (t) => {
  const { run } = merge(journal([a]), journal([b]).slice(0, -1));
  t.match(run.end, { outcome: 'interrupted', reason: 's2: cut' });
});
