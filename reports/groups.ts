import { type PointPlace, placeOf, placesFromIds } from './point-id.ts';
import type { DeviceRecord, PointRecord, Run } from './results.ts';

/** A point as reports list it: judged, or named by the journal only. */
export type Entry =
  | { readonly kind: 'judged'; readonly id: string; readonly point: PointRecord }
  | { readonly kind: 'interrupted'; readonly id: string }
  | { readonly kind: 'not-run'; readonly id: string };

/** The points of one provider and area: one suite of a report. */
export interface Group {
  readonly provider: string;
  readonly area: string;
  readonly entries: readonly Entry[];
}

/**
 * Sorts the points into suites. Suites come in the order of their names, so that two runs compare
 * line by line even when the order of points was shuffled; points keep the order in which they ran.
 */
export function groupPoints(run: Run): Group[] {
  const groups = new Map<string, { provider: string; area: string; entries: Entry[] }>();
  const add = (place: PointPlace, entry: Entry): void => {
    const key = `${place.provider}\n${place.area}`;
    const group = groups.get(key) ?? { provider: place.provider, area: place.area, entries: [] };
    group.entries.push(entry);
    groups.set(key, group);
  };
  for (const point of run.points) add(placeOf(point), { kind: 'judged', id: point.id, point });
  for (const place of placesFromIds(run, run.interrupted)) {
    add(place, { kind: 'interrupted', id: place.id });
  }
  for (const place of placesFromIds(run, notRun(run)))
    add(place, { kind: 'not-run', id: place.id });
  return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

/** Ids of the plan that neither ran nor were running when the journal ended, in the plan's order. */
export function notRun(run: Run): string[] {
  const seen = new Set(run.interrupted);
  for (const point of run.points) seen.add(point.id);
  return run.planned.filter((id) => !seen.has(id));
}

/** All devices of the run by address; where a target came back, as it described them last. */
export function devicesOf(run: Run): Map<string, DeviceRecord> {
  const devices = new Map<string, DeviceRecord>();
  for (const target of run.targets) {
    for (const device of target.devices) devices.set(device.address, device);
  }
  return devices;
}

/** The devices that the points of a group used in any role; where none ran, those of its provider. */
export function devicesOfGroup(run: Run, group: Group): DeviceRecord[] {
  const used = new Set<string>();
  for (const entry of group.entries) {
    if (entry.kind !== 'judged') continue;
    for (const address of Object.values(entry.point.devices)) used.add(address);
  }
  return [...devicesOf(run).values()].filter((device) =>
    used.size > 0 ? used.has(device.address) : device.provider === group.provider,
  );
}
