import t from 'tap';
import type { DeviceRecord } from '../reports/results.ts';
import { type PlanInput, planPoints, toWireCase } from './plan.ts';
import { NO_FILTERS } from './sample-filters.ts';
import {
  ANY,
  caseOf,
  device,
  FENCE,
  filters,
  GEM_DEVICE,
  GRID_ROLES,
  HEAP_DEVICE,
  PROVIDERS,
  plan,
} from './sample-plan.ts';

const GRID_POINTS = [
  'dma-buf/share/grid@exporter=gem@gem,importer=gem@gem',
  'dma-buf/share/grid@exporter=heap@system,importer=gem@gem',
];
const ANY_POINTS = [
  'alloc/size/any[size=1]@gem@gem',
  'alloc/size/any[size=1]@heap@system',
  'alloc/size/any[size=2~pages]@gem@gem',
  'alloc/size/any[size=2~pages]@heap@system',
];
const GEM_POINTS = ['drivers/gem/one@gem@gem', 'drivers/gem/two@gem@gem'];
const FENCE_POINT = 'sync/fence/one@gem@gem';
const ALL = [...ANY_POINTS, ...GRID_POINTS, ...GEM_POINTS, FENCE_POINT];

const PEERS = {
  device: { needs: ['export'] },
  peer: { needs: ['export'], reaches: 'device' },
} as const;

function onFabric(address: string, fabric: string): DeviceRecord {
  return { ...device(address), identity: { fabric } };
}

function openedOnce(address: string): DeviceRecord {
  return { ...device(address), identity: { sessions: 'one' } };
}

interface Row {
  readonly name: string;
  readonly input: Partial<PlanInput>;
  readonly points: readonly string[];
}

const noGem = { devices: [HEAP_DEVICE] };

const rows: readonly Row[] = [
  {
    name: 'what is left out need not be there',
    input: filters({ exclude: ['alloc/size/any[size=1]@gem@gen'] }),
    points: ALL,
  },
  {
    name: 'a wildcard stands for parameters and devices',
    input: filters({ ids: ['alloc'], exclude: ['alloc/*/any[size=*gem'] }),
    points: ANY_POINTS.filter((id) => id.endsWith('heap@system')),
  },
  { name: 'every device that fits plays each role', input: {}, points: ALL },
  {
    name: 'the order does not depend on that of discovery',
    input: { devices: [GEM_DEVICE, HEAP_DEVICE] },
    points: ALL,
  },
  {
    name: 'what a probe finds missing is a skip with its reason',
    input: { devices: [device('gem@gem', { import: 'EOPNOTSUPP from X', alloc: 'no memory' })] },
    points: [
      'alloc/size/any@gem@gem no-feature: alloc: no memory',
      'dma-buf/share/grid@importer=gem@gem no-feature: import: EOPNOTSUPP from X',
      ...GEM_POINTS,
      FENCE_POINT,
    ],
  },
  {
    name: 'a role that reaches another is played by devices of the same fabric, and by itself',
    input: {
      cases: [caseOf('submit/x/y', { roles: PEERS })],
      devices: [onFabric('gem@a', 'one'), onFabric('gem@b', 'one'), device('gem@c')],
    },
    points: [
      'submit/x/y@device=gem@a,peer=gem@a',
      'submit/x/y@device=gem@a,peer=gem@b',
      'submit/x/y@device=gem@b,peer=gem@a',
      'submit/x/y@device=gem@b,peer=gem@b',
      'submit/x/y@device=gem@c,peer=gem@c',
    ],
  },
  {
    name: 'a device that is opened once at a time plays one role, whichever provider has it',
    input: {
      cases: [caseOf('dma-buf/share/pair', { roles: GRID_ROLES })],
      devices: [openedOnce('gem@pci:a'), openedOnce('heap@pci:a'), openedOnce('heap@pci:b')],
    },
    points: ['dma-buf/share/pair@exporter=heap@pci:b,importer=gem@pci:a'],
  },
  {
    name: 'what is allocated is a buffer, and so is what is only that',
    input: {
      cases: [caseOf('dma-buf/file/seek', { roles: { device: { needs: ['buffer'] } } })],
      devices: [GEM_DEVICE, device('gem@old', { alloc: 'no memory' })],
    },
    points: [
      'dma-buf/file/seek@gem@gem',
      'dma-buf/file/seek@gem@old no-feature: buffer: no memory',
    ],
  },
  {
    name: 'a device that must not be opened is a skip for want of privilege',
    input: { cases: [FENCE], devices: [device('gem@b', { fence: 'open /dev/b: EACCES' })] },
    points: ['sync/fence/one@gem@b no-privilege: fence: open /dev/b: EACCES'],
  },
  {
    name: 'a sample takes devices of one driver in turn, and all pairs of drivers',
    input: {
      sample: true,
      cases: [ANY, caseOf('dma-buf/share/pair', { roles: GRID_ROLES })],
      devices: [device('gem@a'), device('gem@b'), HEAP_DEVICE],
    },
    points: [
      'alloc/size/any[size=1]@gem@a',
      'alloc/size/any[size=1]@heap@system',
      'alloc/size/any[size=2~pages]@gem@b',
      'alloc/size/any[size=2~pages]@heap@system',
      'dma-buf/share/pair@exporter=gem@a,importer=gem@b',
      'dma-buf/share/pair@exporter=heap@system,importer=gem@a',
    ],
  },
  {
    name: 'a device that lacks something does not stop those that have it',
    input: { cases: [FENCE], devices: [device('gem@b', { fence: 'old' }), device('gem@a')] },
    points: ['sync/fence/one@gem@a', 'sync/fence/one@gem@b no-feature: fence: old'],
  },
  {
    name: 'cases of one absent driver share a skip, others have their own',
    input: noGem,
    points: [
      'alloc/size/any[size=1]@heap@system',
      'alloc/size/any[size=2~pages]@heap@system',
      "dma-buf/share/grid no-device: no device of gem for the role 'importer', which needs import",
      "drivers/gem/one no-device: no device of gem for the role 'device'; 1 more cases lack the same",
      "sync/fence/one no-device: no device of gem for the role 'device', which needs fence",
    ],
  },
  {
    name: 'without any device there are only skips',
    input: { cases: [ANY], devices: [] },
    points: [
      "alloc/size/any no-device: no device of gem or heap for the role 'device', which needs alloc",
    ],
  },
  {
    name: 'cases of an absent driver that were asked for have a skip each',
    input: { ...noGem, ...filters({ areas: ['drivers'] }) },
    points: [
      "drivers/gem/one no-device: no device of gem for the role 'device'",
      "drivers/gem/two no-device: no device of gem for the role 'device'",
    ],
  },
  {
    name: 'a driver that was not asked for is no skip',
    input: { ...noGem, ...filters({ providers: ['heap'] }) },
    points: ['alloc/size/any[size=1]@heap@system', 'alloc/size/any[size=2~pages]@heap@system'],
  },
  {
    name: 'a device filter leaves what the device can do',
    input: filters({ devices: ['heap@*'] }),
    points: ['alloc/size/any[size=1]@heap@system', 'alloc/size/any[size=2~pages]@heap@system'],
  },
  {
    name: 'ids select folders, cases and points',
    input: filters({
      ids: ['drivers', 'sync/*/*', 'alloc/size/any[size=1]', GRID_POINTS[1] ?? ''],
    }),
    points: [
      'alloc/size/any[size=1]@gem@gem',
      'alloc/size/any[size=1]@heap@system',
      GRID_POINTS[1] ?? '',
      ...GEM_POINTS,
      FENCE_POINT,
    ],
  },
  {
    name: 'the id of a later round selects its point',
    input: filters({ ids: [`${FENCE_POINT}#3`] }),
    points: [FENCE_POINT],
  },
  {
    name: 'filters of several kinds all hold',
    input: filters({ areas: ['alloc', 'dma-buf'], rules: ['DMABUF-029'], providers: ['gem'] }),
    points: [GRID_POINTS[0] ?? ''],
  },
  {
    name: 'exclusion goes over selection',
    input: filters({ ids: ['drivers', 'alloc'], exclude: ['drivers/gem/one', '**/*[size=1]*'] }),
    points: [...ANY_POINTS.slice(2), GEM_POINTS[1] ?? ''],
  },
  {
    name: 'exclusion covers skips',
    input: { ...noGem, ...filters({ exclude: ['drivers', 'sync', 'dma-buf'] }) },
    points: ['alloc/size/any[size=1]@heap@system', 'alloc/size/any[size=2~pages]@heap@system'],
  },
  {
    name: 'what is destructive is a skip',
    input: { cases: [caseOf('a/b/c', { destructive: true, parameters: [{ a: 1 }, { a: 2 }] })] },
    points: ['a/b/c excluded: it is destructive; run it with --destructive'],
  },
  {
    name: 'what is destructive runs when asked for',
    input: {
      cases: [caseOf('a/b/c', { destructive: true })],
      devices: [GEM_DEVICE],
      destructive: true,
    },
    points: ['a/b/c@gem@gem'],
  },
  {
    name: 'repeated points are numbered, skips are not repeated',
    input: { cases: [ANY, FENCE], devices: [HEAP_DEVICE], repeat: 2 },
    points: [
      'alloc/size/any[size=1]@heap@system',
      'alloc/size/any[size=2~pages]@heap@system',
      "sync/fence/one no-device: no device of gem for the role 'device', which needs fence",
      'alloc/size/any[size=1]@heap@system#2',
      'alloc/size/any[size=2~pages]@heap@system#2',
    ],
  },
];

for (const { name, input, points } of rows) {
  t.test(name, async (t) => t.strictSame(plan(input), points));
}

t.test('a seed gives an order that can be had again', async (t) => {
  const first = plan({ seed: 7, repeat: 2 });
  t.strictSame(plan({ seed: 7, repeat: 2 }), first);
  t.notSame(plan({ seed: 8, repeat: 2 }), first);
  t.strictSame([...first].sort(), [...plan({ repeat: 2 })].sort());
  t.notSame(first, plan({ repeat: 2 }));
});

t.test('the agent gets numbers, scaled limits and only what it needs', async (t) => {
  const one = caseOf('a/b/c', {
    parameters: [{ flags: 'DRM_RDWR' }],
    wireParameters: [{ flags: 2 }],
    exclusive: true,
    expectLog: ['x'],
  });
  const [point] = planPoints({
    cases: [one],
    devices: [GEM_DEVICE],
    providers: PROVIDERS,
    filters: NO_FILTERS,
    destructive: false,
    timeoutScale: 2.5,
  });
  t.strictSame(point?.wire, {
    id: 'a/b/c[flags=DRM_RDWR]@gem@gem',
    case: 'a/b/c',
    parameters: { flags: 2 },
    devices: { device: 'gem@gem' },
    timeoutMs: 2500,
    inactivityMs: 75_000,
    exclusive: true,
  });
  t.strictSame(toWireCase(one), {
    id: 'a/b/c',
    steps: [{ openFds: {} }],
    roles: ['device'],
    expectLog: ['x'],
  });
  const process = { process: { background: true, steps: [{ setPort: { state: 'down' } }] } };
  t.match(toWireCase({ ...one, steps: [process] }), { disturbs: true });
});
