import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  JOURNAL_VERSION,
  type PointRecord,
  type Run,
  type RunRecord,
  type Verdict,
} from '../reports/results.ts';
import { staleRemarks } from './expectation-check.ts';
import { replaceFile } from './expectation-edit.ts';
import { parseList } from './expectation-entry.ts';
import type { ExpectationList } from './expectation-lists.ts';
import { updateLists } from './expectation-update.ts';

const FAILURE = { step: '3', action: '{}', expected: 'ENOENT', actual: '0 # odd' };

function point(id: string, verdict: Verdict, more: Partial<PointRecord> = {}): PointRecord {
  const isBad = verdict !== 'pass' && verdict !== 'skip' && verdict !== 'unexpected-pass';
  return {
    type: 'point',
    id,
    title: '',
    area: 'a',
    rules: [],
    devices: { device: 'vgem@vgem' },
    provider: 'vgem',
    at: '',
    durationMs: 1,
    verdict,
    steps: 1,
    reproduce: '',
    ...(isBad && { failure: FAILURE }),
    ...more,
  };
}

function runOf(points: readonly PointRecord[], header: Partial<RunRecord> = {}): Run {
  const device = { address: 'vgem@vgem', provider: 'vgem', driver: 'vgem', node: '' };
  return {
    run: {
      type: 'run',
      version: JOURNAL_VERSION,
      startedAt: '2026-11-21T08:00:00Z',
      suite: { version: '0', commit: '0' },
      commandLine: [],
      target: 'vm',
      ...header,
    },
    targets: [
      {
        type: 'target',
        at: '',
        kernel: '6.12.1',
        kernelVersion: '',
        machine: '',
        taint: 0,
        privileged: true,
        devices: [{ ...device, capabilities: [], missing: {}, identity: {} }],
      },
    ],
    planned: points.map(({ id }) => id),
    points,
    notes: [],
    interrupted: [],
    end: { type: 'end', at: '', outcome: 'complete' },
  };
}

function fails(text: string, folder = 'vgem'): ExpectationList {
  const name = `${folder}/fails`;
  const { entries } = parseList(text, name, 'fails');
  return { folder, list: 'fails', path: name, name, text, entries };
}

const AT = '@vgem@vgem';
const TODO = '  reason: TODO: explain. step 3: expected ENOENT, got 0  odd\n';

const rows: readonly {
  readonly name: string;
  readonly text?: string;
  readonly points: readonly PointRecord[];
  readonly header?: Partial<RunRecord>;
  readonly board?: string;
  /** The text afterwards; absent where nothing is written. */
  readonly want?: string;
  readonly remark?: RegExp;
}[] = [
  {
    name: 'a new failure of a whole case is named by the case',
    points: [point(`a/b[s=1]${AT}`, 'fail'), point(`a/b[s=2]${AT}`, 'fail')],
    want: `# vgem. Seen on 6.12.1.\n\na/b\n${TODO}`,
  },
  {
    name: 'a new failure with some parameters is named with them, and not by its round',
    points: [point(`a/b[s=1]${AT}#2`, 'crash'), point(`a/b[s=2]${AT}`, 'pass')],
    want: `# vgem. Seen on 6.12.1.\n\na/b[s=1]\n${TODO}  verdict: crash\n`,
  },
  {
    name: 'a new failure is named with what came on top of it',
    points: [point(`a/b${AT}`, 'fail', { also: ['leak', 'unhealthy'] })],
    want: `# vgem. Seen on 6.12.1.\n\na/b\n${TODO}  verdict: fail, leak, unhealthy\n`,
  },
  {
    name: 'a new failure on one of two devices is named with it',
    points: [
      point('a/b@vgem@x', 'fail', { devices: { device: 'vgem@x' } }),
      point('a/b@vgem@y', 'pass', { devices: { device: 'vgem@y' } }),
    ],
    want: `# vgem. Seen on 6.12.1.\n\na/b@vgem@x\n${TODO}`,
  },
  {
    name: 'comments, order and other entries stay as they were written',
    text: '# head\n\n# about x\nx\n  reason: odd,\n    very\n\ny\n  reason: y\n\n# tail\nz\n reason: z\n',
    points: [
      point(`x${AT}`, 'expected-fail'),
      point(`y${AT}`, 'unexpected-pass'),
      point(`z${AT}`, 'expected-fail'),
      point(`n${AT}`, 'fail'),
    ],
    want:
      '# head\n\n# about x\nx\n  reason: odd,\n    very\n\n# tail\nz\n reason: z\n\n' +
      `n\n${TODO}`,
  },
  {
    name: 'the last entry goes, and the file with it',
    text: 'x\n  reason: odd\n',
    points: [point(`x${AT}`, 'unexpected-pass')],
    want: '',
  },
  {
    name: 'an entry of which one point still fails stays',
    text: 'x\n  reason: odd\n',
    points: [point(`x[s=1]${AT}`, 'unexpected-pass'), point(`x[s=2]${AT}`, 'expected-fail')],
  },
  {
    name: 'an entry of which one point was skipped stays',
    text: 'x\n  reason: odd\n',
    points: [point(`x[s=1]${AT}`, 'unexpected-pass'), point(`x[s=2]${AT}`, 'skip')],
  },
  {
    name: 'an entry that no point of the run matches stays',
    text: 'other\n  reason: odd\n',
    points: [point(`x${AT}`, 'pass')],
  },
  {
    name: 'an entry for another kernel stays',
    text: 'x\n  reason: odd\n  kernel: <6.1\n',
    points: [point(`x${AT}`, 'pass')],
  },
  {
    name: 'a run of a part removes no entry that may match more',
    text: 'x\n  reason: odd\n',
    points: [point(`x${AT}`, 'unexpected-pass')],
    header: { partial: true },
    remark: /vgem\/fails:1: 'x' passes, but it is kept: the run was of a part/,
  },
  {
    name: 'a run of a part removes the entry of the very point, and names no whole case',
    text: `x${AT}\n  reason: odd\n`,
    points: [point(`x${AT}`, 'unexpected-pass'), point(`a/b[s=1]${AT}`, 'fail')],
    header: { shard: { index: 1, of: 2 } },
    want: `a/b[s=1]\n${TODO}`,
  },
  {
    name: 'a board has lists of its own, and those of the driver stay',
    text: 'x\n  reason: odd\n',
    points: [point(`x${AT}`, 'unexpected-pass'), point(`n${AT}`, 'fail')],
    board: 'lab',
    want: `# vgem-lab. Seen on 6.12.1.\n\nn\n${TODO}`,
    remark: /speaks of all boards, and only lab was run/,
  },
  {
    name: 'a known failure that crashes is left to people',
    text: 'x\n  reason: odd\n',
    points: [point(`x${AT}`, 'crash')],
    remark: /vgem\/fails:1 expects fail, but it came to crash/,
  },
  {
    name: 'a defect of the suite is no expectation',
    points: [point(`x${AT}`, 'fail', { reason: 'defect of the suite: TypeError' })],
    remark: /the suite is to blame/,
  },
  {
    name: 'a required skip is no expectation',
    points: [point(`x${AT}`, 'fail', { skip: 'no-device' })],
  },
];
for (const row of rows) {
  t.test(`update: ${row.name}`, async (t) => {
    const { files, remarks } = updateLists({
      run: runOf(row.points, row.header),
      lists: row.text === undefined ? [] : [fails(row.text)],
      directory: '/lists',
      ...(row.board !== undefined && { board: row.board }),
    });
    t.strictSame(
      files.map(({ text }) => text),
      row.want === undefined ? [] : [row.want],
    );
    for (const { text } of files) t.strictSame(parseList(text, 'f', 'fails').problems, []);
    if (row.remark) t.match(remarks, [row.remark]);
    else t.strictSame(remarks, []);
  });
}

t.test('points that were not judged keep their entry', async (t) => {
  const run = runOf([point(`x[s=1]${AT}`, 'unexpected-pass')]);
  const lists = [fails('x\n  reason: odd\n')];
  const planned = [...run.planned, `x[s=2]${AT}`];
  t.strictSame(updateLists({ run: { ...run, planned }, lists, directory: '' }).files, []);
});

t.test('a list is replaced as a whole, and nothing stays beside it', async (t) => {
  const dir = t.testdir({ old: 'old' });
  replaceFile(join(dir, 'new/fails'), 'text\n');
  replaceFile(join(dir, 'old'), '');
  t.equal(readFileSync(join(dir, 'new/fails'), 'utf8'), 'text\n');
  t.strictSame(readdirSync(dir), ['new']);
  t.strictSame(readdirSync(join(dir, 'new')), ['fails']);
  t.throws(() => replaceFile('/proc/moon/fails', 'x'), {
    name: 'InfraError',
    message: /\/proc\/moon\/fails: the list cannot be written: .*It is as it was/,
  });
});

t.test('what is stale in lists is found without a run', async (t) => {
  const lists = [
    fails('a/b\n  reason: TODO: explain.\na/moon/*\n  reason: x\na/b\n  reason: again'),
    fails('a/b[s=1]\n  reason: x\n  until: 2026-01-01', 'vgen'),
    fails('a\n  reason: x\n  until: 2027-01-01', 'vgem-lab'),
  ];
  const known = { today: '2026-11-21', caseIds: ['a/b'], drivers: ['vgem'] };
  t.match(staleRemarks(lists, known), [
    /^vgem\/fails:1: the entry 'a\/b' wants a reason/,
    /^vgem\/fails:3: the entry 'a\/moon\/\*' matches no case/,
    /^vgem\/fails:5: vgem\/fails:1 has the pattern 'a\/b' too/,
    /^vgen\/fails: no provider or driver begins 'vgen'/,
    /^vgen\/fails:1: the entry .* ended on 2026-01-01/,
  ]);
});
