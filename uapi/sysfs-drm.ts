import { basename } from 'node:path';
import { deviceNode, sysfsEntries, sysfsTarget } from './sysfs.ts';

const CLASS = '/sys/class/drm';

/** The DRM nodes of one device. */
export interface DrmNodes {
  /** The device behind the nodes as its bus names it: `vgem`, `0000:00:04.0`. */
  readonly name: string;
  /** Its directory in sysfs. */
  readonly path: string;
  readonly primary?: string;
  readonly render?: string;
}

/** All DRM devices, from the class directory; connectors (card0-DP-1) are none. */
export function drmDevices(): readonly DrmNodes[] {
  const devices = new Map<string, DrmNodes>();
  for (const entry of sysfsEntries(CLASS)) {
    const kind = /^(card|renderD)\d+$/.exec(entry)?.[1];
    const path = sysfsTarget(`${CLASS}/${entry}/device`);
    if (kind === undefined || path === undefined) continue;
    const node = deviceNode(`${CLASS}/${entry}`) ?? `/dev/dri/${entry}`;
    const known = devices.get(path) ?? { name: basename(path), path };
    devices.set(path, { ...known, [kind === 'card' ? 'primary' : 'render']: node });
  }
  return [...devices.values()];
}
