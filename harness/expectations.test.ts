import t from 'tap';
import { type ListName, parseList } from './expectation-entry.ts';
import { ownExpectations, readLists } from './expectation-lists.ts';
import { Expectations } from './expectations.ts';

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
  const { entries, problems } = parseList(text, 'ci/x/fails', 'fails');
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
    ['a/b\n  reason: y\n  verdict:', 3, /'verdict' is empty: give a value or remove the line/],
    ['a/b\n  reason: y\n  until:', 3, /'until' is empty/],
    ['a/b\n  reason: y\n  kernel: ,', 3, /'kernel' is empty/],
    ['a/b\n  reason: y\n  until: 2027-02-31', 3, /neither a kernel/],
    ['a/b\n  reason: y\n  until: 2027.01.31', 3, /neither a kernel/],
    ['a/b\n  reason: y\n  kernel: >=2027.01', 3, /no kernel; write '>=6.0'/],
    ['a/b\n    reason: y\n  bug: z', 3, /indent this line/],
    ['a/b\n  just words\n  reason: x', 2, /expected 'key: value'/],
  ];
  for (const [text, line, message] of rows) {
    t.match(parseList(text, 'f', 'fails').problems, [{ line, message }], JSON.stringify(text));
  }
  t.end();
});

t.test('an entry holds for its driver, its kernels and its time', (t) => {
  const parse = (text: string) => parseList(text, 'f', 'fails').entries;
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
  t.match(all.remarks(true), [/ended on 2026-01-01/, /'b' matches no point/]);
  t.end();
});

t.test('skips outrank all, flakes outrank failures, a board its driver', (t) => {
  const entries = (text: string, list: ListName) => parseList(text, `F/${list}`, list).entries;
  const rows: readonly (readonly [id: string, expects: string, skips?: string])[] = [
    ['a/fails', 'fail'],
    ['a/both', 'flake'],
    ['a/board', 'board fails'],
    ['a/kills', 'flake', 'kills'],
    ['a/old', 'none'],
  ];
  const folders = new Map([
    [
      'vgem',
      [
        ...entries('a/fails\n reason: fail\na/both\n reason: fail', 'fails'),
        ...entries('a/both\n reason: flake\na/board\n reason: flake', 'flakes'),
        ...entries('a/kills\n reason: kills\na/old\n reason: x\n until: 6.1', 'skips'),
      ],
    ],
    [
      'vgem-lab',
      [
        ...entries('a/board\n reason: board fails', 'fails'),
        ...entries('a/kills\n reason: flake', 'flakes'),
      ],
    ],
  ]);
  const lists = new Expectations(folders, { kernel: '6.12', today: '2026-11-21', board: 'lab' });
  const vgem = [{ provider: 'vgem', driver: 'vgem' }];
  for (const [id, expects, skips] of rows) {
    t.equal(lists.find(`${id}@vgem@vgem#2`, vgem)?.reason ?? 'none', expects, id);
    t.equal(lists.findSkip(`${id}@vgem@vgem`, vgem)?.reason, skips, `${id}: skip`);
  }
  t.strictSame(lists.remarks(true), [
    'not used, because kernel 6.12 is past their until: F/skips:3',
  ]);
  t.end();
});

t.test('a board that no list speaks of is told', (t) => {
  const folders = new Map([['panfrost-rock5b', []]]);
  const remarks = (board: string) =>
    new Expectations(folders, { kernel: '6.12', today: '2026-11-21', board }).remarks(false);
  t.strictSame(remarks('rock5b'), []);
  t.strictSame(remarks('rock5'), [
    "no list is of the board 'rock5': there is no folder <driver>-rock5",
  ]);
  t.end();
});

t.test('an entry for points of a case that cannot run here is not stale', (t) => {
  const entries = parseList('a/b[size=1]\n reason: x\na/c\n reason: x', 'f', 'fails').entries;
  const lists = new Expectations(new Map([['vgem', entries]]), { kernel: '7', today: '' });
  lists.find('d', [{ provider: 'vgem', driver: 'vgem' }]);
  lists.sawSkipped('a/b');
  t.match(lists.remarks(true), [/'a\/c' matches no point/]);
  t.strictSame(lists.remarks(false), [], 'of a part of the points nothing can be said');
  t.end();
});

t.test('all lists of a directory are read, and mistakes in all of them told at once', (t) => {
  const dir = t.testdir({
    vgem: { fails: 'a\n  reson: x\n', flake: '', 'README.md': '', 'fails~': 'x' },
    'vgem-lab': { skips: 'a\n  reason: x\n  verdict: fail' },
    udmabuf: { fails: 'b\n' },
    empty: {},
    'README.md': 'text',
  });
  t.throws(() => readLists(dir), {
    name: 'UsageError',
    message:
      /udmabuf\/fails:1: .*\n.*vgem\/fails:1: .*\n.*vgem\/fails:2: .*\n.*flake: .*mean 'flakes'\?\n.*skips:3: unknown key/,
  });
  t.doesNotThrow(() => readLists(ownExpectations()), 'those of this tree are in order');
  t.end();
});
