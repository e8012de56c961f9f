import { sysfsEntries, sysfsText } from '../../uapi/sysfs.ts';
import type { Device } from '../contract.ts';

const VERBS = '/sys/class/infiniband_verbs';

/** `rxe0` of `rdma@rxe0` */
export function ibdevOf({ address }: Device): string {
  return address.slice(address.indexOf('@') + 1);
}

/** The device's node, under whatever number; undefined for a device that is not there. */
export function nodeOf(ibdev: string): string | undefined {
  const entry = sysfsEntries(VERBS).find((one) => sysfsText(`${VERBS}/${one}/ibdev`) === ibdev);
  return entry === undefined ? undefined : `/dev/infiniband/${entry}`;
}
