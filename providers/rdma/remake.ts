import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { E } from '../../uapi/errno.ts';
import { addRdmaLink, deleteRdmaLink, tryRdmaLinkIndex } from '../../uapi/rdma-link.ts';
import { uverbsNodeOf } from '../../uapi/sysfs-rdma.ts';
import type { Device } from '../contract.ts';
import type { PlugRequest } from '../contract-plug.ts';
import { pullOut, putIn } from '../pci-slot.ts';
import { ibdevOf } from './ibdev.ts';

/** How a device goes and comes back: by a command for software, and a card by whoever holds it. */

export function removeDevice(device: Device): CallOutcome<undefined> {
  const { slot } = device.identity;
  return slot === undefined ? removeLink(ibdevOf(device)) : pullOut(slot);
}

export function removeLink(name: string): CallOutcome<undefined> {
  const index = tryRdmaLinkIndex(name);
  return index.ok ? deleteRdmaLink(index.value) : index;
}

/** A card comes back as what it was: EOPNOTSUPP for any other wish. */
export function makeDevice(device: Device, want: PlugRequest = {}): CallOutcome<undefined> {
  const { slot, driver = '', netdev = '' } = device.identity;
  const name = ibdevOf(device);
  if (slot === undefined) return addRdmaLink({ name, driver, netdev, ...want });
  if (Object.keys(want).length === 0) return putIn(slot, () => uverbsNodeOf(name) !== undefined);
  return { ok: false, errno: E.EOPNOTSUPP, call: `another card than ${name} in ${slot}` };
}
