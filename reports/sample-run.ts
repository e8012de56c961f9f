/** Runs for the tests of this folder. */
import type {
  DeviceRecord,
  JournalRecord,
  PointRecord,
  Run,
  RunRecord,
  TargetRecord,
  Verdict,
} from './results.ts';
import { JOURNAL_VERSION, VERDICTS } from './results.ts';

export const sampleRunRecord: RunRecord = {
  type: 'run',
  version: JOURNAL_VERSION,
  startedAt: '2026-11-21T10:00:00.123Z',
  suite: { version: '0.1.0', commit: '0123456789ab' },
  commandLine: ['uapi-conform', 'run', '--target', 'vm:debian-6.12'],
  target: 'vm:debian-6.12',
};

export const sampleDevices: readonly DeviceRecord[] = [
  {
    address: 'vgem@platform:vgem',
    provider: 'vgem',
    driver: 'vgem',
    node: '/dev/dri/renderD128',
    capabilities: ['alloc', 'export'],
    missing: { submit: 'the driver has no queue' },
    identity: { version: '1.0.0', where: 'software driver' },
  },
  {
    address: 'virtio-gpu@pci:0000:00:04.0',
    provider: 'virtio-gpu',
    driver: 'virtio_gpu',
    node: '/dev/dri/renderD129',
    capabilities: ['alloc', 'submit'],
    missing: {},
    identity: { version: '0.1.0', where: 'emulated device' },
  },
];

export const sampleTarget: TargetRecord = {
  type: 'target',
  at: '2026-11-21T10:00:01.000Z',
  kernel: '6.12.48-1-amd64',
  kernelVersion: '#1 SMP PREEMPT_DYNAMIC',
  machine: 'x86_64',
  taint: 0,
  privileged: true,
  devices: sampleDevices,
};

/** A point with all that its verdict may carry; `more` overrides. */
export function samplePoint(verdict: Verdict, more: Partial<PointRecord> = {}): PointRecord {
  const broken = verdict !== 'pass' && verdict !== 'skip' && verdict !== 'unexpected-pass';
  return {
    type: 'point',
    id: `dma-buf/export/${verdict}[size=64KiB]@vgem@platform:vgem`,
    title: 'A freed handle cannot be exported',
    area: 'dma-buf',
    rules: [
      {
        id: 'PRIME-009',
        title: 'Export of a freed handle is refused',
        expect: 'ENOENT',
        source: 'drivers/gpu/drm/drm_prime.c, drm_gem_prime_handle_to_dmabuf()',
      },
    ],
    devices: { device: 'vgem@platform:vgem' },
    provider: 'vgem',
    at: '2026-11-21T10:00:02.500Z',
    durationMs: 12.4,
    verdict,
    steps: 3,
    reproduce: `uapi-conform run 'dma-buf/export/${verdict}[size=64KiB]@vgem@platform:vgem'`,
    ...(verdict === 'skip' && { skip: 'no-feature', reason: 'vgem cannot submit' }),
    ...(verdict === 'unexpected-pass' && { reason: 'vgem-fails.json:3 expects a failure' }),
    ...(broken && {
      reason: `${verdict} for a reason`,
      failure: {
        step: '3',
        action: '{"export":{"buffer":"$buffer"},"fails":"ENOENT"}',
        expected: 'ENOENT',
        actual: '0 (fd 7)',
        decoded: 'handle=1 flags=0x0 fd=7',
        hex: '01 00 00 00 00 00 00 00 07 00 00 00',
        detail: 'the handle was freed in step 2',
      },
      calls: [
        {
          command: 'DRM_IOCTL_PRIME_HANDLE_TO_FD',
          input: 'handle=1 flags=0x0',
          output: 'fd=7',
          result: '0',
          durationUs: 4,
        },
      ],
      kernelLog: [
        { timeUs: 1_234_567, level: 4, text: 'WARNING: CPU: 0 PID: 12 at foo', sign: 'warning' },
        { timeUs: 1_234_600, level: 6, text: 'ok 1 not a test line' },
      ],
    }),
    ...(verdict === 'crash' && { console: 'Kernel panic - not syncing: Fatal exception' }),
    ...more,
  };
}

/** One point of each verdict, one that was interrupted and one that never ran. */
export function sampleRun(more: Partial<Run> = {}): Run {
  const points = more.points ?? VERDICTS.map((verdict) => samplePoint(verdict));
  const interrupted = ['map/mmap/offset[size=page]@vgem@platform:vgem'];
  const left = ['submit/fence/attach[size=4KiB,flags=a@b]@device=virtio-gpu@pci:0000:00:04.0'];
  return {
    run: sampleRunRecord,
    targets: [sampleTarget],
    planned: [...points.map((point) => point.id), ...interrupted, ...left],
    points,
    notes: ['the target was lost and came back'],
    interrupted,
    ...more,
  };
}

/** The journal of a run that ended well, one line a record. */
export function sampleRecords(points: readonly PointRecord[]): JournalRecord[] {
  return [
    sampleRunRecord,
    sampleTarget,
    { type: 'plan', points: points.map((point) => point.id) },
    ...points.flatMap((point): JournalRecord[] => [
      { type: 'started', id: point.id, at: point.at },
      point,
    ]),
    { type: 'end', at: '2026-11-21T10:01:00.000Z', outcome: 'complete' },
  ];
}

/** What no report may take for its own: colours, directives, line ends, half a character. */
const HOSTILE = '\x1b[31m# SKIP\r\nok 9 not a test # TODO\0\ud800 --- ';

/** A run whose every text is hostile. */
export function hostileRun(): Run {
  return sampleRun({
    run: { ...sampleRunRecord, target: HOSTILE, suite: { version: HOSTILE, commit: HOSTILE } },
    targets: [
      {
        ...sampleTarget,
        kernel: HOSTILE,
        devices: sampleDevices.map((device) => ({ ...device, driver: HOSTILE })),
      },
    ],
    points: VERDICTS.map((verdict) =>
      samplePoint(verdict, {
        id: `a/b/${verdict}${HOSTILE}`,
        area: HOSTILE,
        reason: HOSTILE,
        title: HOSTILE,
        reproduce: HOSTILE,
      }),
    ),
    notes: [HOSTILE],
  });
}

/** Many points of all verdicts, in 30 areas, with long ids and many reasons to skip. */
export function largeRun(size = 2000): Run {
  const points = Array.from({ length: size }, (_, at) => {
    const verdict = VERDICTS[at % VERDICTS.length] ?? 'pass';
    return samplePoint(verdict, {
      id: `area-${at % 30}/topic/${'x'.repeat(at % 150)}-${at}@vgem@platform:vgem`,
      area: `area-${at % 30}`,
      ...(verdict === 'skip' && { reason: `cause ${at % 50}` }),
    });
  });
  return sampleRun({ points });
}

/** A run that ended before it met a target. */
export function unrunRun(): Run {
  return sampleRun({ points: [], planned: [], interrupted: [], targets: [], notes: [] });
}
