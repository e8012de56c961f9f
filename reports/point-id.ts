import type { PointRecord, Run } from './results.ts';

/** What is known of a point, judged or not: enough to group it. */
export interface PointPlace {
  readonly id: string;
  readonly provider: string;
  readonly area: string;
}

/** Stands where a record names no provider: a point that found no device. */
export const NO_PROVIDER = 'none';

/** Provider and area of a judged point. */
export function placeOf(point: PointRecord): PointPlace {
  return { id: point.id, provider: point.provider || NO_PROVIDER, area: point.area || 'none' };
}

/**
 * Finds provider and area of points that left no record (they were interrupted or never run) from
 * their ids, `area/topic/name[size=64KiB]@exporter=vgem@platform:vgem,importer=udmabuf`.
 */
export function placesFromIds(run: Run, ids: readonly string[]): PointPlace[] {
  const providers = new Map<string, string>();
  for (const target of run.targets) {
    for (const device of target.devices) providers.set(device.address, device.provider);
  }
  return ids.map((id) => {
    const [path, devices] = splitId(id);
    const address = firstAddress(devices);
    const provider = providers.get(address) ?? address.split('@')[0];
    return { id, provider: provider || NO_PROVIDER, area: path.split('/')[0] || 'none' };
  });
}

/** The id of a point in all its rounds. */
export function withoutRound(id: string): string {
  return id.replace(/#\d+$/, '');
}

/** The id of a point's case: `area/topic/name`. */
export function caseOf(id: string): string {
  return splitId(withoutRound(id))[0];
}

/** Role to address, as an id of a case with several roles names them; empty for one with a single role. */
export function rolesOfId(id: string): Readonly<Record<string, string>> {
  const [, devices] = splitId(withoutRound(id));
  const roles = devices.split(',').map((device) => /^([^@=]+)=(.+)$/.exec(device));
  return Object.fromEntries(roles.flatMap((role) => (role ? [[role[1], role[2]]] : [])));
}

/** The path of the case without parameters, and the text of the devices. */
function splitId(id: string): [path: string, devices: string] {
  const path = id.split(/[[@]/, 1)[0] ?? id;
  const parametersEnd = id.charAt(path.length) === '[' ? id.indexOf(']@', path.length) + 1 : -1;
  const at = parametersEnd === 0 ? -1 : Math.max(parametersEnd, path.length);
  return [path, at < 0 ? '' : id.slice(at + 1)];
}

function firstAddress(devices: string): string {
  const first = devices.split(',', 1)[0] ?? '';
  const role = /^([^@=]+)=(.*)$/.exec(first);
  return role?.[2] ?? first;
}
