import { devicesOf } from './groups.ts';
import type { DeviceRecord, PointRecord, Run } from './results.ts';
import { plainTable } from './table.ts';
import { oneLine } from './text.ts';

/** What a run has shown of one provider in one place. Numbers count points that passed. */
export interface EvidenceRow {
  readonly provider: string;
  /** `metal`, `software driver`, `emulated device`, `device model`; empty where the probe cannot say. */
  readonly where: string;
  /** The provider is in the run, so its uAPI is described. */
  readonly described: true;
  /** Any point passed, so the device was opened and answered. */
  readonly opens: number;
  /** Memory of the device or for it was allocated, registered or mapped. */
  readonly memory: number;
  /** A buffer went through a dma-buf, or two devices worked on one. */
  readonly shares: number;
  /** A job was submitted and its result verified. */
  readonly works: number;
}

const MEMORY_AREAS: ReadonlySet<string> = new Set(['alloc', 'map', 'register']);

/**
 * Derives from passed points alone what was shown of each provider: described, opens, memory, shares,
 * works. An expected failure shows nothing, and neither does a pass that nobody expected before a
 * person has looked at it.
 */
export function evidence(run: Run): EvidenceRow[] {
  const devices = devicesOf(run);
  const rows = new Map<string, { -readonly [K in keyof EvidenceRow]: EvidenceRow[K] }>();
  const rowOf = (provider: string, where: string) => {
    const key = `${provider}\n${where}`;
    const row = rows.get(key) ?? {
      provider,
      where,
      described: true,
      opens: 0,
      memory: 0,
      shares: 0,
      works: 0,
    };
    rows.set(key, row);
    return row;
  };
  for (const device of devices.values()) rowOf(device.provider, whereOf(device));
  for (const point of run.points) {
    if (point.verdict !== 'pass') continue;
    const shown = new Set(
      devicesUsed(point, devices).map((device) => rowOf(device.provider, whereOf(device))),
    );
    for (const row of shown) {
      row.opens++;
      if (MEMORY_AREAS.has(point.area)) row.memory++;
      if (point.area === 'dma-buf' || isBetweenDevices(point)) row.shares++;
      if (point.area === 'submit') row.works++;
    }
  }
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

/** How the table of evidence is laid out. */
export interface EvidenceStyle {
  /** Characters of each of the two columns of free text. */
  readonly limit: number;
  /** Without the column that says the same of all rows. */
  readonly isNarrow: boolean;
}

/** The evidence as a table. */
export function evidenceLines(
  run: Run,
  { limit, isNarrow }: EvidenceStyle = { limit: 40, isNarrow: false },
): string[] {
  const described = (text: string) => (isNarrow ? [] : [text]);
  const head = [
    'provider',
    'where',
    ...described('described'),
    'opens',
    'memory',
    'shares',
    'works',
  ];
  const rows = evidence(run).map((row) => [
    oneLine(row.provider, limit),
    oneLine(row.where, limit) || '-',
    ...described('yes'),
    ...[row.opens, row.memory, row.shares, row.works].map((count) => (count ? String(count) : '-')),
  ]);
  return rows.length === 0 ? [] : plainTable(head, rows, 2);
}

/** In every role of the point; a device that discovery did not list counts for the point's provider. */
function devicesUsed(
  point: PointRecord,
  devices: ReadonlyMap<string, DeviceRecord>,
): Pick<DeviceRecord, 'provider' | 'identity'>[] {
  const used = Object.values(point.devices).flatMap((address) => devices.get(address) ?? []);
  if (used.length > 0) return used;
  return point.provider ? [{ provider: point.provider, identity: {} }] : [];
}

function isBetweenDevices(point: PointRecord): boolean {
  return new Set(Object.values(point.devices)).size > 1;
}

function whereOf(device: Pick<DeviceRecord, 'identity'>): string {
  return device.identity['where'] ?? '';
}
