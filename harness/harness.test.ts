import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readRun } from '../reports/journal.ts';
import { JOURNAL_VERSION, type RunRecord, type Verdict } from '../reports/results.ts';
import { Expectations, loadExpectations, parseFails } from './expectations.ts';
import { Journal } from './journal.ts';
import { type Expectation, exitCode, type Judgement, judge, type RunResult } from './judge.ts';
import { compareKernelVersions, parseKernelVersion } from './kernel-version.ts';
import type { PointEnd, WireOutcome } from './protocol.ts';
import { shellWord } from './shell-word.ts';
import { newTaint } from './taint.ts';

const FAILURE = { step: '4', action: '{"import":{}}', expected: 'EINVAL', actual: 'success' };
const failed: PointEnd = { kind: 'failed', failure: FAILURE };
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
    want: { verdict: 'fail', reason: /got success; kernel log: WARNING/ },
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
    name: 'a known failure may be skipped',
    end: skipped,
    expectation: known,
    want: { verdict: 'skip' },
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

t.test('the exit code', (t) => {
  const rows: readonly [string, readonly Verdict[], Partial<RunResult>, number][] = [
    ['all as expected', ['pass', 'expected-fail', 'skip'], {}, 0],
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

t.test('taint bits are named, also those that no table knows', (t) => {
  t.strictSame(newTaint(0, 128 + 512), ['D (the kernel died: OOPS or BUG)', 'W (kernel warning)']);
  t.strictSame(
    newTaint(0, 1 + 1024 + 4096 + 8192),
    [],
    'what kind of module was loaded is no sign',
  );
  t.strictSame(newTaint(0, 2 ** 40), ['? (bit 40)']);
  t.strictSame(newTaint(512, 0), []);
  t.end();
});

t.test('kernel versions compare as kernels do', (t) => {
  const order = [
    '5.10.1',
    '6.1',
    '6.1.90-2-amd64',
    '6.12-rc3',
    '6.12',
    '6.12.48+deb13-amd64',
    '7.0',
  ];
  const versions = order.map((text) => parseKernelVersion(text));
  for (const [index, version] of versions.entries()) {
    const next = versions[index + 1];
    if (version && next) t.ok(compareKernelVersions(version, next) < 0, `${order[index]} is older`);
  }
  t.equal(parseKernelVersion('generic'), undefined);
  t.end();
});

t.test('an expectation file is read with all its keys', (t) => {
  const text = `# known trouble
dma-buf/export/*@*
  reason: The import finds another handle,
    as it always did.
  bug: https://bugs.example/1
  kernel: >=6.0 <6.14
  until: 2027-01-31
  verdict: fail, hang

\talloc is indented and belongs to nothing: it is a key
alloc/size
\treason: tabs will do
`;
  const { entries, problems } = parseFails(text, 'ci/x/fails');
  t.strictSame(
    problems.map(({ line }) => line),
    [10],
  );
  t.match(entries, [
    {
      pattern: 'dma-buf/export/*@*',
      reason: 'The import finds another handle, as it always did.',
      bug: 'https://bugs.example/1',
      verdicts: ['fail', 'hang'],
      kernels: [{ comparison: '>=' }, { comparison: '<' }],
      until: { kind: 'day', day: '2027-01-31' },
      place: 'ci/x/fails:2',
    },
    { pattern: 'alloc/size', verdicts: ['fail'], place: 'ci/x/fails:11' },
  ]);
  t.end();
});

t.test('mistakes in an expectation file name their line', (t) => {
  const rows: readonly [string, number, RegExp][] = [
    ['a/b', 1, /no reason: add/],
    ['a/b\n  reason:', 1, /no reason/],
    ['  reason: x', 1, /no entry stands above/],
    ['a/b\n  reson: x\n  reason: y', 2, /unknown key 'reson'; did you mean 'reason'/],
    ['a/b\n  reason: y\n  reason: z', 3, /stands twice/],
    ['a/b\n  reason: y\n  kernel: newest', 3, /no kernel; write '>=6.0'/],
    ['a/b\n  reason: y\n  until: soon', 3, /neither a kernel/],
    ['a/b\n  reason: y\n  until: 2027-13-01', 3, /neither a kernel/],
    ['a/b\n  reason: y\n  verdict: pass', 3, /'pass' cannot be expected/],
    ['a/b\n    reason: y\n  bug: z', 3, /indent this line/],
    ['a/b\n  just words\n  reason: x', 2, /expected 'key: value'/],
  ];
  for (const [text, line, message] of rows) {
    t.match(parseFails(text, 'f').problems, [{ line, message }], JSON.stringify(text));
  }
  t.end();
});

t.test('an entry holds for its driver, its kernels and its time', (t) => {
  const parse = (text: string) => parseFails(text, 'f').entries;
  const folders = new Map([
    ['vgem', parse('a/**\n  reason: r1\n  kernel: >=6.5\n  until: 6.14\nb\n  reason: r2')],
    ['vgem-lab', parse('a/x\n  reason: board')],
    ['udmabuf', parse('a/**\n  reason: old\n  until: 2026-01-01')],
  ]);
  const vgem = [{ provider: 'vgem', driver: 'vgem' }];
  const other = [{ provider: 'udmabuf', driver: 'udmabuf' }];
  const today = '2026-11-21';
  const find = (kernel: string, devices: typeof vgem, board?: string) =>
    new Expectations(folders, { kernel, today, ...(board && { board }) }).find(
      'a/x@vgem@vgem',
      devices,
    );
  t.match(find('6.12.1', vgem), { reason: 'r1' });
  t.equal(find('6.1.90', vgem), undefined, 'the kernel is older');
  t.equal(find('6.14', vgem), undefined, 'the kernel has the mend');
  t.match(find('6.12', vgem, 'lab'), { reason: 'board' }, 'the board outranks the driver');
  t.equal(find('6.12', other), undefined, 'its day is past');
  t.match(find('6.12', [...other, ...vgem]), { reason: 'r1' }, 'one device of two is enough');
  const all = new Expectations(folders, { kernel: '6.12', today });
  all.find('a/x@vgem@vgem', [...vgem, ...other]);
  t.match(all.remarks(), [/'b' matches no point/, /ended on 2026-01-01/]);
  t.end();
});

t.test('all lists of a directory are read, and mistakes in all of them told at once', (t) => {
  const dir = t.testdir({
    vgem: { fails: 'a\n  reson: x\n' },
    udmabuf: { fails: 'b\n' },
    empty: {},
    'README.md': 'text',
  });
  const circumstances = { kernel: '6.12', today: '2026-11-21' };
  t.throws(() => loadExpectations(circumstances, dir), {
    name: 'UsageError',
    message: /udmabuf\/fails:1: [\s\S]*vgem\/fails:1: [\s\S]*vgem\/fails:2: /,
  });
  t.doesNotThrow(() => loadExpectations(circumstances), 'those of this tree are in order');
  t.end();
});

const RUN: RunRecord = {
  type: 'run',
  version: JOURNAL_VERSION,
  startedAt: '2026-11-21T08:15:00.000Z',
  suite: { version: '0', commit: '0' },
  commandLine: [],
  target: 'local',
};

t.test('a journal has a line a record, in a file that may have been there', (t) => {
  const path = join(t.testdir({}), 'journal.jsonl');
  for (const id of ['a', 'b']) {
    using journal = new Journal(path, { syncStarted: true });
    if (id === 'a') journal.append(RUN);
    journal.append({ type: 'started', id, at: RUN.startedAt });
  }
  t.equal(readFileSync(path, 'utf8').split('\n').length, 4);
  t.strictSame(readRun(path).interrupted, ['a', 'b']);
  t.end();
});

t.test('a disk that is full ends the journal with a message that names it', (t) => {
  using journal = new Journal('/dev/full', { syncStarted: false });
  t.throws(() => journal.append(RUN), {
    name: 'InfraError',
    message: /\/dev\/full: the journal cannot be written: ENOSPC.*--output/,
  });
  t.end();
});

t.test('a directory that is not there is told by name', (t) => {
  t.throws(() => new Journal('/nonexistent/journal.jsonl', { syncStarted: false }), {
    name: 'InfraError',
    message: /\/nonexistent\/journal.jsonl/,
  });
  t.end();
});

t.test('a word for the shell is quoted only where it must be', (t) => {
  t.equal(shellWord('vgem@vgem'), 'vgem@vgem');
  t.equal(shellWord('a/b[size=1]'), "'a/b[size=1]'");
  t.equal(shellWord("it's"), "'it'\\''s'");
  t.equal(shellWord(''), "''");
  t.end();
});
