import { basename } from 'node:path';
import { deviceNode, sysfsEntries, sysfsTarget } from './sysfs.ts';

/** The DRM nodes of one device. */
export interface DrmNodes {
  /** The device behind the nodes as its bus names it: `vgem`, `0000:00:04.0`. */
  readonly name: string;
  /** Its directory in sysfs. */
  readonly path: string;
  readonly primary?: string;
  readonly render?: string;
  /** What a compute accelerator has in place of both. */
  readonly accel?: string;
}

type NodeKind = 'primary' | 'render' | 'accel';

/**
 * Nodes by class and by what their names begin with; connectors (card0-DP-1) are none.
 * Source: drivers/gpu/drm/drm_sysfs.c, drm_sysfs_minor_alloc(); drivers/accel/drm_accel.c, accel_devnode()
 */
const CLASSES: readonly (readonly [name: string, folder: string, Record<string, NodeKind>])[] = [
  ['drm', '/dev/dri', { card: 'primary', renderD: 'render' }],
  ['accel', '/dev/accel', { accel: 'accel' }],
];

/** All DRM devices, from the class directories. */
export function drmDevices(classes = '/sys/class'): readonly DrmNodes[] {
  const devices = new Map<string, DrmNodes>();
  for (const [name, folder, kinds] of CLASSES) {
    for (const entry of sysfsEntries(`${classes}/${name}`)) {
      const kind = kinds[/^([a-zA-Z]+)\d+$/.exec(entry)?.[1] ?? ''];
      const path = sysfsTarget(`${classes}/${name}/${entry}/device`);
      if (kind === undefined || path === undefined) continue;
      const node = deviceNode(`${classes}/${name}/${entry}`) ?? `${folder}/${entry}`;
      const known = devices.get(path) ?? { name: basename(path), path };
      devices.set(path, { ...known, [kind]: node });
    }
  }
  return [...devices.values()];
}
