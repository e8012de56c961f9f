import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

/** Reading sysfs: what is not there is an empty list or undefined, since discovery must not fail. */

/** Entries of a class directory, sorted; empty where the kernel has no such class. */
export function sysfsEntries(path: string): readonly string[] {
  try {
    return readdirSync(path).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch {
    return [];
  }
}

/** An attribute's text without its newline. */
export function sysfsText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}

/** Where a link leads; the bus address of a device is the last part. */
export function sysfsTarget(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** The node under /dev of a class device, from DEVNAME of its uevent; udev may be absent. */
export function deviceNode(classDevice: string): string | undefined {
  const uevent = sysfsText(join(classDevice, 'uevent')) ?? '';
  const name = /^DEVNAME=(.+)$/m.exec(uevent)?.[1];
  return name === undefined ? undefined : `/dev/${name}`;
}
