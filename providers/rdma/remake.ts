import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { E } from '../../uapi/errno.ts';
import { addRdmaLink, deleteRdmaLink, tryRdmaLinkIndex } from '../../uapi/rdma-link.ts';
import { sleepMs } from '../../uapi/sys-child.ts';
import { uverbsNodeOf } from '../../uapi/sysfs-rdma.ts';
import type { Device } from '../contract.ts';
import type { PlugRequest } from '../contract-plug.ts';
import { pullOut, putIn } from '../pci-slot.ts';
import { ibdevOf } from './ibdev.ts';

/** How a device goes and comes back: by a command for software, and a card by whoever holds it. */

/** A driver that finds a new card talks to its firmware first. */
const PROBE_LIMIT_MS = 15_000;
const LOOK_MS = 5;

export function removeDevice(device: Device): CallOutcome<undefined> {
  const { slot } = device.identity;
  return slot === undefined ? removeLink(ibdevOf(device)) : pullOut(slot);
}

export function removeLink(name: string): CallOutcome<undefined> {
  const index = tryRdmaLinkIndex(name);
  return index.ok ? deleteRdmaLink(index.value) : index;
}

/** A card comes back as what it was: EOPNOTSUPP for any other wish. ETIMEDOUT when no driver takes it. */
export function makeDevice(device: Device, want: PlugRequest = {}): CallOutcome<undefined> {
  const { slot, driver = '', netdev = '' } = device.identity;
  const name = ibdevOf(device);
  if (slot === undefined) return addRdmaLink({ name, driver, netdev, ...want });
  if (Object.keys(want).length > 0) return refusal(E.EOPNOTSUPP, slot);
  const put = putIn(slot);
  if (!put.ok) return put;
  const isThere = within(PROBE_LIMIT_MS, () => uverbsNodeOf(name) !== undefined);
  return isThere ? put : refusal(E.ETIMEDOUT, slot);
}

function refusal(errno: number, slot: string): CallOutcome<undefined> {
  return { ok: false, errno, call: `add of PCI device ${slot}` };
}

/** Looks until it is so, or the time is over. */
export function within(limitMs: number, isSo: () => boolean): boolean {
  const deadline = performance.now() + limitMs;
  for (;;) {
    if (isSo()) return true;
    if (performance.now() > deadline) return false;
    sleepMs(LOOK_MS);
  }
}
