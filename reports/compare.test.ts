import t from 'tap';
import { type Comparison, compareRuns, type State } from './compare.ts';
import { comparisonJson, comparisonText } from './compare-text.ts';
import type { PointRecord, Run, Verdict } from './results.ts';
import { hostileRun, samplePoint, sampleRun, sampleRunRecord, sampleTarget } from './sample-run.ts';
import { plainText } from './text.ts';

function runOf(points: readonly PointRecord[], more: Partial<Run> = {}): Run {
  const planned = points.map(({ id }) => id);
  return sampleRun({ points, planned, interrupted: [], ...more });
}

/** A run with one point in this state. */
function runIn(state: State | undefined): Run {
  if (state === undefined) return runOf([]);
  if (state === 'interrupted') return runOf([], { planned: ['x'], interrupted: ['x'] });
  if (state === 'not run') return runOf([], { planned: ['x'] });
  return runOf([samplePoint(state, { id: 'x' })]);
}

const LISTS = [
  'newFailures',
  'unexpectedPasses',
  'fixed',
  'newSkips',
  'changed',
  'gone',
  'added',
] as const;
const moves: readonly (readonly [
  old: State | undefined,
  now: State | undefined,
  list: (typeof LISTS)[number] | 'stillFailing' | 'unchanged',
])[] = [
  ['pass', 'pass', 'unchanged'],
  ['fail', 'fail', 'stillFailing'],
  ['pass', 'fail', 'newFailures'],
  ['skip', 'crash', 'newFailures'],
  ['expected-fail', 'fail', 'newFailures'],
  ['flake', 'fail', 'newFailures'],
  ['not run', 'hang', 'newFailures'],
  [undefined, 'fail', 'newFailures'],
  ['pass', 'interrupted', 'newFailures'],
  ['fail', 'crash', 'changed'],
  ['fail', 'pass', 'fixed'],
  ['interrupted', 'pass', 'fixed'],
  ['expected-fail', 'unexpected-pass', 'unexpectedPasses'],
  ['pass', 'unexpected-pass', 'unexpectedPasses'],
  [undefined, 'unexpected-pass', 'unexpectedPasses'],
  ['fail', 'unexpected-pass', 'fixed'],
  ['unexpected-pass', 'unexpected-pass', 'unchanged'],
  ['unexpected-pass', 'fail', 'newFailures'],
  ['expected-fail', 'pass', 'fixed'],
  ['skip', 'pass', 'changed'],
  ['pass', 'flake', 'changed'],
  ['unexpected-pass', 'pass', 'changed'],
  ['pass', 'not run', 'changed'],
  ['pass', 'skip', 'newSkips'],
  ['fail', 'skip', 'newSkips'],
  ['pass', undefined, 'gone'],
  [undefined, 'pass', 'added'],
];
for (const [old, now, list] of moves) {
  t.test(`${old ?? 'absent'} -> ${now ?? 'absent'} is ${list}`, async (t) => {
    const found: Comparison = compareRuns(runIn(old), runIn(now));
    const filled = LISTS.filter((name) => found[name].length > 0);
    t.strictSame(filled, list === 'stillFailing' || list === 'unchanged' ? [] : [list]);
    t.equal(found.stillFailing, list === 'stillFailing' ? 1 : 0);
    t.equal(found.unchanged, list === 'unchanged' ? 1 : 0);
  });
}

t.test('of several rounds the worst verdict and the middle time of the passes count', async (t) => {
  const round = (number: number, verdict: Verdict, durationMs: number) =>
    samplePoint(verdict, { id: number === 1 ? 'x' : `x#${number}`, durationMs });
  const old = runOf([round(1, 'pass', 100), round(2, 'pass', 9000), round(3, 'pass', 120)]);
  const now = runOf([round(1, 'pass', 500), round(2, 'fail', 1)]);
  const { newFailures, slower } = compareRuns(old, now);
  t.match(newFailures, [{ id: 'x', old: 'pass', new: 'fail' }]);
  t.strictSame(slower, [{ id: 'x', oldMs: 120, newMs: 500 }]);
});

for (const [oldMs, newMs, list] of [
  [1, 90, 'none'],
  [1000, 1900, 'none'],
  [100, 201, 'slower'],
  [1000, 400, 'faster'],
  [100, 200, 'none'],
] as const) {
  t.test(`${oldMs} ms -> ${newMs} ms: ${list}`, async (t) => {
    const of = (durationMs: number) => runOf([samplePoint('pass', { id: 'x', durationMs })]);
    const { slower, faster } = compareRuns(of(oldMs), of(newMs));
    t.equal(slower.length, list === 'slower' ? 1 : 0);
    t.equal(faster.length, list === 'faster' ? 1 : 0);
  });
}

t.test('the text and the document say what is different', async (t) => {
  const now = runOf([samplePoint('fail', { id: 'x' })], {
    run: { ...sampleRunRecord, partial: true },
    targets: [{ ...sampleTarget, kernel: '7.2.13', devices: sampleTarget.devices.slice(0, 1) }],
  });
  const comparison = compareRuns(runIn('pass'), now);
  const text = comparisonText(comparison);
  for (const part of [
    'kernel: 6.12.48-1-amd64 -> 7.2.13',
    'selection: all points -> part of the points',
    'device virtio-gpu@pci:0000:00:04.0: virtio_gpu, version 0.1.0, where emulated device -> none',
    'new failures\n  x: pass -> fail\n    fail for a reason\n',
    '\n1 new failures\n',
  ]) {
    t.ok(text.includes(part), part);
  }
  t.match(JSON.parse(comparisonJson(comparison)), {
    format: 'uapi-conform comparison',
    newFailures: [{ id: 'x', old: 'pass', new: 'fail' }],
  });
  t.equal(comparisonText(compareRuns(runOf([]), runOf([]))), 'no point in either run\n');
  const hostile = comparisonText(compareRuns(sampleRun(), hostileRun()));
  t.equal(hostile, plainText(hostile));
});
