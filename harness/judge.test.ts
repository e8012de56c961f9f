import t from 'tap';
import type { Verdict } from '../reports/results.ts';
import {
  applyRequired,
  type Expectation,
  exitCode,
  type Judgement,
  judge,
  type RunResult,
} from './judge.ts';
import type { PointEnd, WireOutcome } from './protocol.ts';

const FAILURE = { step: '4', action: '{"import":{}}', expected: 'EINVAL', actual: 'success' };
const failed: PointEnd = { kind: 'failed', failure: FAILURE };
const REFUSAL = { by: 'importer', errno: 'ENODEV', call: 'IMPORT' } as const;
const refusedEnd: PointEnd = {
  kind: 'skipped',
  class: 'refused',
  reason: 'by the importer',
  refusal: REFUSAL,
};
const skipped: PointEnd = { kind: 'skipped', class: 'no-feature', reason: 'it has none' };
const done: PointEnd = { kind: 'done' };
const died: PointEnd = { kind: 'died', how: 'SIGSEGV', step: '3.2', call: 'DRM_IOCTL_X' };
const timeout: PointEnd = {
  kind: 'timeout',
  limit: 'time',
  limitMs: 5000,
  step: '2',
  where: 'D, dma_fence_wait',
};
const warning = { timeUs: 1, level: 4, text: 'WARNING: CPU: 0', sign: 'WARNING' };
const harmless = { timeUs: 1, level: 6, text: 'usb 1-1: new device' };
const known: Expectation = { verdicts: ['fail'], reason: 'bug 7', place: 'fails:3' };

interface JudgeRow {
  readonly name: string;
  readonly end: PointEnd;
  readonly more?: Partial<WireOutcome>;
  readonly expectLog?: readonly string[];
  readonly expectation?: Expectation;
  readonly want: Partial<Record<keyof Judgement, unknown>> | undefined;
}

const JUDGEMENTS: readonly JudgeRow[] = [
  { name: 'all steps met is a pass', end: done, want: { verdict: 'pass' } },
  {
    name: 'a pass without a step is our defect',
    end: done,
    more: { steps: 0 },
    want: { verdict: 'fail', reason: /defect of the suite/ },
  },
  {
    name: 'an unmet step is a failure with its place',
    end: failed,
    want: { verdict: 'fail', reason: 'step 4: expected EINVAL, got success', failure: FAILURE },
  },
  {
    name: 'a skip keeps its class',
    end: skipped,
    want: { verdict: 'skip', skip: 'no-feature', reason: 'it has none' },
  },
  {
    name: 'an import that was refused is a skip that says by whom',
    end: refusedEnd,
    want: { verdict: 'skip', skip: 'refused', reason: 'by the importer', refusal: REFUSAL },
  },
  {
    name: 'a refusal that leaves something behind is a failure',
    end: refusedEnd,
    more: { leftBehind: ['fd 9'] },
    want: { verdict: 'fail', reason: 'by the importer; left behind: fd 9', skip: undefined },
  },
  {
    name: 'a dead worker is a crash',
    end: died,
    want: { verdict: 'crash', reason: 'the worker died: SIGSEGV in step 3.2, DRM_IOCTL_X' },
  },
  {
    name: 'a point out of time is a hang that says where it stands',
    end: timeout,
    want: { verdict: 'hang', reason: /within 5 s in step 2/, failure: { detail: /dma_fence/ } },
  },
  {
    name: 'an exception in the worker is our defect',
    end: { kind: 'defect', error: 'TypeError: x\n  at y' },
    want: { verdict: 'fail', reason: 'defect of the suite: TypeError: x' },
  },
  { name: 'a cancelled point has no verdict', end: { kind: 'cancelled' }, want: undefined },
  {
    name: 'a sign in the kernel log spoils a pass',
    end: done,
    more: { kernelLog: [harmless, warning] },
    want: { verdict: 'unhealthy', reason: 'kernel log: WARNING: WARNING: CPU: 0' },
  },
  {
    name: 'harmless lines do not',
    end: done,
    more: { kernelLog: [harmless] },
    want: { verdict: 'pass' },
  },
  {
    name: 'a sign that the case announced does not',
    end: done,
    more: { kernelLog: [warning] },
    expectLog: ['WARNING: CPU'],
    want: { verdict: 'pass' },
  },
  {
    name: 'an announced line that does not come fails a pass',
    end: done,
    more: { kernelLog: [warning] },
    expectLog: ['WARNING: CPU', 'refcount_t'],
    want: { verdict: 'fail', reason: 'the kernel did not log /refcount_t/' },
  },
  {
    name: 'an announced line is no question where the point was skipped',
    end: { kind: 'skipped', class: 'no-privilege', reason: 'x' },
    expectLog: ['WARNING: CPU'],
    want: { verdict: 'skip' },
  },
  {
    name: 'other points beside it are named with a sign',
    end: done,
    more: { kernelLog: [warning], beside: ['x@y'] },
    want: { verdict: 'unhealthy', reason: /doing of x@y/ },
  },
  {
    name: 'new taint spoils a pass',
    end: done,
    more: { taintAfter: 512 },
    want: { verdict: 'unhealthy', reason: 'new kernel taint: W (kernel warning)' },
  },
  {
    name: 'taint from before does not',
    end: done,
    more: { taintBefore: 512, taintAfter: 512 + 4096 },
    want: { verdict: 'pass' },
  },
  {
    name: 'what is left behind is a failure',
    end: done,
    more: { leftBehind: ['fd 5'] },
    want: { verdict: 'fail', reason: 'left behind: fd 5' },
  },
  {
    name: 'a failure stays one on a bad kernel',
    end: failed,
    more: { kernelLog: [warning] },
    want: { verdict: 'fail', reason: /got success; kernel log: WARNING/, also: ['unhealthy'] },
  },
  {
    name: 'an oops does not hide behind a skip',
    end: skipped,
    more: { kernelLog: [warning] },
    want: { verdict: 'unhealthy', skip: undefined },
  },
  {
    name: 'a known failure is expected and says why',
    end: failed,
    expectation: { ...known, bug: 'https://bugs.example/7' },
    want: { verdict: 'expected-fail', reason: /bug 7 \(https:.*7, fails:3\)/, failure: FAILURE },
  },
  {
    name: 'a known failure that passes is a surprise',
    end: done,
    expectation: known,
    want: { verdict: 'unexpected-pass', reason: /remove the entry/ },
  },
  {
    name: 'a known failure that crashes is a crash',
    end: died,
    expectation: known,
    want: { verdict: 'crash' },
  },
  {
    name: 'a known failure does not hide a bad kernel',
    end: failed,
    more: { kernelLog: [warning] },
    expectation: known,
    want: { verdict: 'fail', reason: /; unhealthy is not what is known: bug 7 \(fails:3\)$/ },
  },
  {
    name: 'nor does one that is known to leave something behind',
    end: failed,
    more: { leftBehind: ['fd 5'], taintAfter: 512 },
    expectation: { ...known, verdicts: ['fail', 'leak'] },
    want: { verdict: 'fail', reason: /; unhealthy is not/, also: ['leak', 'unhealthy'] },
  },
  {
    name: 'nor something that is left behind',
    end: failed,
    more: { leftBehind: ['fd 5'] },
    expectation: known,
    want: { verdict: 'fail', reason: /left behind: fd 5; leak is not what is known/ },
  },
  {
    name: 'a flake hides no bad kernel',
    end: failed,
    more: { kernelLog: [warning] },
    expectation: { ...known, flaky: true },
    want: { verdict: 'fail' },
  },
  {
    name: 'what is known to come on top of a failure is expected',
    end: failed,
    more: { leftBehind: ['fd 5'], kernelLog: [warning] },
    expectation: { ...known, verdicts: ['fail', 'unhealthy', 'leak'] },
    want: { verdict: 'expected-fail', reason: /got success; left behind: fd 5; kernel log:/ },
  },
  {
    name: 'it may stay away',
    end: failed,
    expectation: { ...known, verdicts: ['fail', 'unhealthy', 'leak'] },
    want: { verdict: 'expected-fail', also: undefined },
  },
  {
    name: 'a leak that is all there is to it is a failure',
    end: done,
    more: { leftBehind: ['fd 5'] },
    expectation: known,
    want: { verdict: 'expected-fail' },
  },
  {
    name: 'a known failure may be skipped',
    end: skipped,
    expectation: known,
    want: { verdict: 'skip' },
  },
  {
    name: 'a flaky point that fails is a flake and says why',
    end: failed,
    expectation: { ...known, flaky: true },
    want: { verdict: 'flake', reason: /known: bug 7 \(fails:3\)/, failure: FAILURE },
  },
  {
    name: 'a flaky point that passes is no surprise',
    end: done,
    expectation: { ...known, flaky: true },
    want: { verdict: 'pass' },
  },
  {
    name: 'a flaky point that crashes is a crash',
    end: died,
    expectation: { ...known, flaky: true },
    want: { verdict: 'crash' },
  },
  {
    name: 'an expected hang is expected',
    end: timeout,
    expectation: { ...known, verdicts: ['fail', 'hang'] },
    want: { verdict: 'expected-fail' },
  },
];

for (const row of JUDGEMENTS) {
  t.test(`judge: ${row.name}`, (t) => {
    const outcome: WireOutcome = {
      id: 'p',
      end: row.end,
      durationMs: 1,
      steps: 3,
      kernelLog: [],
      taintBefore: 0,
      taintAfter: 0,
      ...row.more,
    };
    t.match(judge(outcome, { expectLog: row.expectLog ?? [] }, row.expectation), row.want);
    t.end();
  });
}

t.test('a skip of a required class is a failure that keeps its class', (t) => {
  const skip: Judgement = { verdict: 'skip', skip: 'no-device', reason: 'no device of vgem' };
  t.strictSame(applyRequired(skip, new Set(['no-feature'])), skip);
  t.match(applyRequired(skip, new Set(['no-feature', 'no-device'])), {
    verdict: 'fail',
    skip: 'no-device',
    reason: /^skipped as no-device, which --require forbids: no device of vgem/,
  });
  t.strictSame(applyRequired({ verdict: 'pass' }, new Set(['no-device'])), { verdict: 'pass' });
  t.end();
});

t.test('the exit code', (t) => {
  const rows: readonly [string, readonly Verdict[], Partial<RunResult>, number][] = [
    ['all as expected', ['pass', 'expected-fail', 'skip'], {}, 0],
    ['a flake that failed', ['pass', 'flake'], {}, 0],
    ['a failure', ['pass', 'fail'], {}, 1],
    ['an unexpected pass', ['unexpected-pass'], {}, 1],
    ['nothing planned', [], {}, 3],
    ['everything skipped', ['skip', 'skip'], {}, 3],
    ['stopped without a surprise', ['pass'], { interrupted: true }, 3],
    ['stopped after a surprise', ['crash'], { interrupted: true }, 1],
    ['broken', ['pass'], { broken: true }, 3],
    ['broken after a crash', ['crash', 'skip'], { broken: true }, 1],
  ];
  for (const [name, verdicts, more, want] of rows) {
    t.equal(exitCode({ verdicts, interrupted: false, broken: false, ...more }), want, name);
  }
  t.end();
});
