import t from 'tap';
import { evidence } from './evidence.ts';
import { jsonReport } from './json.ts';
import { ktap } from './ktap.ts';
import type { PointRecord, Verdict } from './results.ts';
import { GATING, VERDICTS } from './results.ts';
import {
  hostileRun,
  largeRun,
  samplePoint,
  sampleRun,
  sampleRunRecord,
  unrunRun,
} from './sample-run.ts';
import { summary } from './summary.ts';
import { plainText } from './text.ts';
import { countTotals } from './totals.ts';

const every = [
  { name: 'all verdicts', run: sampleRun() },
  { name: 'hostile texts', run: hostileRun() },
  { name: 'many points', run: largeRun() },
  { name: 'nothing', run: unrunRun() },
];

t.test('totals count every point once', async (t) => {
  const counted = countTotals(sampleRun());
  t.equal(counted.points, 11);
  t.equal(counted.executed, 8, 'all judged but the skipped one');
  t.equal(counted.gating, GATING.size);
  t.equal(counted.interrupted, 1);
  t.equal(counted.notRun, 1);
  t.ok(VERDICTS.every((verdict) => counted.verdicts[verdict] === 1));
  t.strictSame(
    counted.areas.map((area) => [area.area, area.points]),
    [
      ['dma-buf', 9],
      ['map', 1],
      ['submit', 1],
    ],
  );
  t.equal(countTotals(unrunRun()).points, 0);
  const sum = countTotals(largeRun()).areas.reduce((points, area) => points + area.points, 0);
  t.equal(sum, countTotals(largeRun()).points);
});

const pair = { exporter: 'vgem@platform:vgem', importer: 'virtio-gpu@pci:0000:00:04.0' };
const evidenceRows: {
  name: string;
  points: Partial<PointRecord>[];
  verdict?: Verdict;
  vgem: number[];
  virtio?: number[];
}[] = [
  { name: 'no point shows nothing', points: [], vgem: [0, 0, 0, 0] },
  { name: 'a point of any area opens', points: [{ area: 'ioctl' }], vgem: [1, 0, 0, 0] },
  {
    name: 'alloc, map and register show memory',
    points: [{ area: 'alloc' }, { area: 'map' }, { area: 'register' }],
    vgem: [3, 3, 0, 0],
  },
  { name: 'dma-buf shares', points: [{ area: 'dma-buf' }], vgem: [1, 0, 1, 0] },
  {
    name: 'two devices share, each of them',
    points: [{ area: 'lifetime', devices: pair }],
    vgem: [1, 0, 1, 0],
    virtio: [1, 0, 1, 0],
  },
  { name: 'submit works', points: [{ area: 'submit' }], vgem: [1, 0, 0, 1] },
  ...VERDICTS.filter((verdict) => verdict !== 'pass').map((verdict) => ({
    name: `${verdict} shows nothing`,
    points: [{ area: 'submit' }],
    verdict,
    vgem: [0, 0, 0, 0],
  })),
];
for (const row of evidenceRows) {
  t.test(`evidence: ${row.name}`, async (t) => {
    const points = row.points.map((more) => samplePoint(row.verdict ?? 'pass', more));
    const rows = evidence(sampleRun({ points }));
    t.strictSame(
      rows.map((r) => [r.provider, r.where, r.described, r.opens, r.memory, r.shares, r.works]),
      [
        ['vgem', 'software driver', true, ...row.vgem],
        ['virtio-gpu', 'emulated device', true, ...(row.virtio ?? [0, 0, 0, 0])],
      ],
    );
  });
}

interface KtapTest {
  readonly ok: boolean;
  readonly name: string;
  readonly note: string;
  readonly tests: readonly KtapTest[];
}

/** Reads KTAP by its specification and throws at the first line that is none. */
function parseKtap(lines: string[], indent: string): KtapTest[] {
  const take = (pattern: RegExp): RegExpExecArray => {
    const line = lines.shift() ?? '';
    const match = line.startsWith(indent) ? pattern.exec(line.slice(indent.length)) : null;
    if (!match) throw new Error(`unexpected line: ${line}`);
    return match;
  };
  take(/^KTAP version 1$/);
  const planned = Number(take(/^1\.\.(\d+)$/)[1]);
  const tests: KtapTest[] = [];
  let nested: KtapTest[] = [];
  while (lines[0]?.startsWith(indent)) {
    const rest = lines[0].slice(indent.length);
    if (/^#( |$)/.test(rest)) lines.shift();
    else if (rest.startsWith('  ')) nested = parseKtap(lines, `${indent}  `);
    else {
      const [, result, number, name, note] = take(/^(ok|not ok) (\d+) ([^#]*?)(?: # (.*))?$/);
      if (Number(number) !== tests.length + 1) throw new Error(`number ${number} is out of order`);
      tests.push({ ok: result === 'ok', name: name ?? '', note: note ?? '', tests: nested });
      nested = [];
    }
  }
  if (tests.length !== planned) throw new Error(`${tests.length} tests, ${planned} planned`);
  return tests;
}

const directives: Readonly<Record<Verdict, readonly [ok: boolean, note: RegExp]>> = {
  pass: [true, /^$/],
  'expected-fail': [true, /^XFAIL expected-fail for a reason$/],
  skip: [true, /^SKIP no-feature: vgem cannot submit$/],
  flake: [true, /^XFAIL flake: flake for a reason$/],
  'unexpected-pass': [false, /^unexpected-pass: vgem-fails/],
  unhealthy: [false, /^unhealthy: /],
  fail: [false, /^fail: fail for a reason$/],
  hang: [false, /^TIMEOUT hang for a reason$/],
  crash: [false, /^ERROR crash: crash for a reason$/],
};

t.test('KTAP says every verdict in its own way', async (t) => {
  const text = ktap(sampleRun());
  const tests = parseKtap(text.trimEnd().split('\n'), '');
  const [dmaBuf, map, driver] = tests;
  t.strictSame(
    tests.map((test) => [test.name, test.ok]),
    [
      ['vgem.dma-buf', false],
      ['vgem.map', false],
      ['virtio-gpu.submit', true],
      ['run', false],
    ],
  );
  VERDICTS.forEach((verdict, at) => {
    const [ok, note] = directives[verdict];
    t.match(dmaBuf?.tests[at], {
      ok,
      note,
      name: `dma-buf/export/${verdict}[size=64KiB]@vgem@platform:vgem`,
    });
  });
  t.match(map?.tests, [{ ok: false, note: 'ERROR the run ended while this point ran' }]);
  t.match(driver, { note: /^SKIP/, tests: [{ ok: true, note: 'SKIP not run' }] });
  t.match(text, /\n {2}# reproduce: uapi-conform run 'dma-buf\/export\/fail/);
});

for (const row of every) {
  t.test(`KTAP of ${row.name} keeps to the format`, async (t) => {
    const text = ktap(row.run);
    const tests = parseKtap(text.trimEnd().split('\n'), '');
    const points = tests.flatMap((test) => (test.name === 'run' ? [] : test.tests));
    t.equal(points.length, countTotals(row.run).points);
    t.ok(tests.every((test) => test.ok === test.tests.every((inner) => inner.ok)));
    t.notOk(
      points.some((point) => /(^|[^\\])#/.test(point.note)),
      'no second hash sign',
    );
    t.ok(text.endsWith('\n'));
  });
}

t.test('the JSON document holds the run, and its keys have one order', async (t) => {
  const run = sampleRun();
  const text = jsonReport(run);
  const document = JSON.parse(text);
  t.strictSame(document.points, run.points);
  t.strictSame(document.targets, run.targets);
  t.strictSame(document.totals, countTotals(run));
  t.strictSame(document.evidence, evidence(run));
  t.match(document, { outcome: 'interrupted', suite: run.run.suite, notRun: [/^submit/] });
  const turned = run.points.map((point) => {
    const entries = Object.entries(point).reverse();
    return Object.fromEntries(entries) as unknown as PointRecord;
  });
  t.equal(jsonReport({ ...run, points: turned }), text);
});

for (const row of every) {
  t.test(`the summary of ${row.name} fits into a mail`, async (t) => {
    const lines = summary(row.run).trimEnd().split('\n');
    t.strictSame(
      lines.filter((line) => line.length > 72),
      [],
    );
    t.strictSame(
      lines.filter((line) => line.endsWith(' ')),
      [],
    );
    t.strictSame(
      lines.filter((line) => /^(---|diff |#|>|From )/.test(line)),
      [],
    );
    t.strictSame(
      lines.filter((line) => line !== plainText(line)),
      [],
    );
    const start = lines.indexOf('failures');
    const end = lines.indexOf('', start);
    const failing = start < 0 ? 0 : end - start;
    t.ok(
      lines.length - failing <= 40 && failing <= 90,
      `${lines.length} lines, ${failing} of failures`,
    );
  });
}

t.test('the summary says what was run and what came of it', async (t) => {
  const points = VERDICTS.map((verdict) =>
    samplePoint(
      verdict,
      verdict === 'expected-fail'
        ? { reason: 'step 2: got 0; known: nobody looks at flags (lists/vgem/fails:3)' }
        : {},
    ),
  );
  const text = summary(sampleRun({ points }));
  for (const part of [
    /^uapi-conform 0\.1\.0 \(0123456789ab\), 2026-11-21T10:00:00Z\nkernel {3}6\.12\.48-1-amd64 x86_64; target vm:debian-6\.12/,
    /\ndevice {3}vgem@platform:vgem \(vgem 1\.0\.0\)\nresult/,
    /result {3}1 crash, 1 hang, 1 fail/,
    /\narea +points +pass +fail +xfail +flake +skip +not run\ndma-buf +9 +1 +5 +1 +1 +1 +-\n/,
    /\nall +11 +1 +5 +1 +1 +1 +2\n/,
    /fail dma-buf\/export\/fail\[size=64KiB\].*\n {4}step 3: expected ENOENT, got 0 \(fd 7\) \(PRIME-009\)/,
    /interrupted map\/mmap\/offset/,
    /\ncommand {2}uapi-conform run --target vm:debian-6\.12\n/,
    /\n {2}the first one again:\n {4}uapi-conform run \\\n {4}'dma-buf\/export\/unexpected-pass/,
    /\nknown failures\n +1 flake for a reason\n +1 lists\/vgem\/fails:3: nobody looks at flags\n/,
    /\nnotes\n {2}the target was lost and came back\n/,
    /skips: 1 no-feature\n +1 no-feature: vgem cannot submit/,
    /vgem +software driver +1 +- +1 +-\n/,
  ]) {
    t.match(text, part);
  }
  const [target] = sampleRun().targets;
  const careful = target && { ...target, taint: 4096, privileged: false };
  t.match(summary(sampleRun({ targets: careful ? [careful] : [] })), /, taint 4096, not as root;/);
  const own = {
    ...sampleRunRecord,
    commandLine: ['x', 'run', '--shard=1/2', '--output', 'o', 'y'],
  };
  t.match(summary(sampleRun({ run: own })), '\ncommand  x run y\n');
  const part = { ...own, shard: { index: 1, of: 2 } };
  t.match(summary(sampleRun({ run: part })), '\ncommand  x run --shard=1/2 y\n');
  const ended = { type: 'end', at: '', outcome: 'failed', reason: 'no disk' } as const;
  t.match(summary(sampleRun({ end: ended })).replace(/\n +/g, ' '), /the run failed: no disk/);
});
