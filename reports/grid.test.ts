import t from 'tap';
import { runReport } from './console.ts';
import { cellAt, cellText, type GridCell, gridOf } from './grid.ts';
import { gridLines } from './grid-text.ts';
import { jsonReport } from './json.ts';
import { junitXml } from './junit.ts';
import { ktap } from './ktap.ts';
import type { DeviceRecord, PointRecord, Refusal, Run, Verdict } from './results.ts';
import { samplePoint, sampleRun, sampleTarget } from './sample-run.ts';
import { summary } from './summary.ts';

const HEAP = 'dma-heap@system';
const VGEM = 'vgem@vgem';
const QXL = 'qxl@pci:0000:00:05.0';
const RXE = ['rdma@rxe0', 'rdma@rxe1'] as const;

function device(address: string, driver: string): DeviceRecord {
  const provider = address.split('@', 1)[0] ?? '';
  const about = { address, provider, driver, node: '/dev/x', capabilities: [] };
  return { ...about, missing: {}, identity: {} };
}

const devices = [
  device(HEAP, 'dma-heap'),
  device(VGEM, 'vgem'),
  device(QXL, 'qxl'),
  ...RXE.map((address) => device(address, 'rxe')),
];

const pairId = (name: string, exporter: string, importer: string) =>
  `dma-buf/grid/${name}[size=page]@exporter=${exporter},importer=${importer}`;

let count = 0;
function pairPoint(
  exporter: string,
  importer: string,
  verdict: Verdict,
  more: Partial<PointRecord> = {},
): PointRecord {
  const id = pairId(`case-${count++}`, exporter, importer);
  return samplePoint(verdict, { id, devices: { exporter, importer }, ...more });
}

function refused(exporter: string, importer: string, refusal: Refusal): PointRecord {
  const reason = `by the ${refusal.by}: ${refusal.errno} from ${refusal.call}`;
  return pairPoint(exporter, importer, 'skip', { skip: 'refused', reason, refusal });
}

const byImporter: Refusal = { by: 'importer', errno: 'ENODEV', call: 'IMPORT' };
const byExporter: Refusal = { by: 'exporter', errno: 'ENOSYS', call: 'IMPORT' };

function runOf(points: readonly PointRecord[], more: Partial<Run> = {}): Run {
  const targets = [{ ...sampleTarget, devices }];
  return sampleRun({ points, targets, planned: [], interrupted: [], notes: [], ...more });
}

const cells: {
  readonly name: string;
  readonly points: readonly PointRecord[];
  readonly text: string;
  readonly state: GridCell['state'];
}[] = [
  {
    name: 'all points that pass make a pair that works',
    points: [pairPoint(HEAP, VGEM, 'pass'), pairPoint(HEAP, VGEM, 'pass')],
    text: 'works',
    state: 'works',
  },
  {
    name: 'a failure makes it partly, expected or not',
    points: [
      pairPoint(HEAP, VGEM, 'pass'),
      pairPoint(HEAP, VGEM, 'expected-fail'),
      pairPoint(HEAP, VGEM, 'fail'),
    ],
    text: 'partly (1 of 3)',
    state: 'partly',
  },
  {
    name: 'failures alone fail',
    points: [pairPoint(HEAP, VGEM, 'crash'), pairPoint(HEAP, VGEM, 'hang')],
    text: 'fails (0 of 2)',
    state: 'fails',
  },
  {
    name: 'a refusal names its side',
    points: [refused(HEAP, VGEM, byImporter), refused(HEAP, VGEM, byImporter)],
    text: 'importer: ENODEV',
    state: 'refused',
  },
  {
    name: 'refusals of both sides are both named',
    points: [refused(HEAP, VGEM, byImporter), refused(HEAP, VGEM, byExporter)],
    text: 'exporter: ENOSYS, importer: ENODEV',
    state: 'refused',
  },
  {
    name: 'a side that is not known is said so',
    points: [refused(HEAP, VGEM, { ...byImporter, by: 'either' })],
    text: 'either: ENODEV',
    state: 'refused',
  },
  {
    name: 'what is refused once is not a pair that works',
    points: [pairPoint(HEAP, VGEM, 'pass'), refused(HEAP, VGEM, byImporter)],
    text: 'partly (1 of 2)',
    state: 'partly',
  },
  {
    name: 'another skip tells nothing',
    points: [pairPoint(HEAP, VGEM, 'skip')],
    text: 'not run',
    state: 'not run',
  },
  {
    name: 'another skip takes nothing from a pair that works',
    points: [pairPoint(HEAP, VGEM, 'skip'), pairPoint(HEAP, VGEM, 'pass')],
    text: 'works',
    state: 'works',
  },
];
for (const { name, points, text, state } of cells) {
  t.test(name, async (t) => {
    const grid = gridOf(runOf(points));
    const cell = grid && cellAt(grid, HEAP, VGEM);
    t.equal(cell?.state, state);
    t.equal(cell && cellText(cell), text);
  });
}

t.test('points without an exporter and an importer make no grid', async (t) => {
  t.equal(gridOf(sampleRun()), undefined);
  t.strictSame(gridLines(sampleRun(), { width: 72 }), []);
  t.notMatch(runReport(sampleRun(), { color: false }), /dma-buf grid/);
});

t.test('points that the run did not come to are not run', async (t) => {
  const left = [
    pairId('left', QXL, VGEM),
    pairId('later', HEAP, VGEM),
    `${pairId('cut', HEAP, QXL)}#2`,
  ];
  const run = runOf([pairPoint(HEAP, VGEM, 'pass')], {
    planned: left.slice(0, 2),
    interrupted: left.slice(2),
  });
  t.strictSame(gridLines(run, { width: 72 }).slice(1), [
    '            qxl      vgem',
    '  dma-heap  not run  works, 1 not run',
    '  qxl       not run  not run',
  ]);
});

const mixed = runOf([
  pairPoint(HEAP, VGEM, 'pass'),
  refused(HEAP, QXL, byImporter),
  pairPoint(VGEM, VGEM, 'pass'),
  pairPoint(VGEM, VGEM, 'expected-fail', { id: pairId('offset', VGEM, VGEM) }),
  refused(QXL, VGEM, byExporter),
  pairPoint(QXL, QXL, 'pass'),
  ...RXE.map((importer) =>
    samplePoint('skip', {
      id: `dma-buf/grid/mr@importer=${importer}`,
      devices: { importer },
      reason: 'mr-dmabuf: EOPNOTSUPP',
    }),
  ),
]);

const table = [
  '            qxl               vgem',
  '  dma-heap  importer: ENODEV  works',
  '  qxl       works             exporter: ENOSYS',
  '  vgem      not run           partly (1 of 2)',
  '  failed from vgem to vgem: dma-buf/grid/offset',
  '  no part: rdma@rxe0, rdma@rxe1 as importer: no-feature: mr-dmabuf: EOPNOTSUPP',
];

t.test('drivers are rows and columns, and what explains a cell stands below', async (t) => {
  t.strictSame(gridLines(mixed, { width: 110 }).slice(1), table);
});

t.test('importers that do not fit stand in a table of their own', async (t) => {
  const lines = gridLines(mixed, { width: 32 }).slice(1);
  t.strictSame(lines.slice(0, 4), [
    '            qxl',
    '  dma-heap  importer: ENODEV',
    '  qxl       works',
    '  vgem      not run',
  ]);
  t.equal(lines[4], '            vgem');
});

t.test('the order of the points changes nothing', async (t) => {
  const shuffled = { ...mixed, points: [...mixed.points].reverse() };
  t.strictSame(gridLines(shuffled, { width: 110 }).slice(0, 5), [
    ...gridLines(mixed, { width: 110 }).slice(0, 5),
  ]);
});

t.test('every report has the grid', async (t) => {
  for (const line of table.slice(0, 4)) {
    for (const text of [runReport(mixed, { color: false }), summary(mixed), ktap(mixed)]) {
      t.ok(text.includes(line.trim()), line);
    }
  }
  const xml = junitXml(mixed);
  const property = `name="dma-buf.${QXL}.${VGEM}" value="exporter: ENOSYS"`;
  t.ok(xml.includes(property), property);
  const { grid } = JSON.parse(jsonReport(mixed)) as { grid: { cells: readonly GridCell[] } };
  t.match(
    grid.cells.find(({ exporter, importer }) => exporter === HEAP && importer === QXL),
    { state: 'refused', run: 1, refusals: [{ by: 'importer', errno: 'ENODEV', points: 1 }] },
  );
});

t.test('only a terminal gets colour', async (t) => {
  const colored = runReport(mixed, { color: true });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequence is what is looked for
  t.match(colored, /\x1b\[32mworks\x1b\[39m/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequence is what is looked for
  t.notMatch(runReport(mixed, { color: false }), /\x1b/);
});
