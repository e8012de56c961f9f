import { sysfsText } from '../../uapi/sysfs.ts';
import type { Where } from '../contract.ts';

/**
 * Of a device that is at home in one cloud only, whose machines name this vendor: what looks like one
 * elsewhere is a model of it.
 */
export function whereInCloud(vendor: string): Where {
  return sysfsText('/sys/class/dmi/id/sys_vendor') === vendor ? 'metal' : 'device model';
}
