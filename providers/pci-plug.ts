import type { CallOutcome } from '../uapi/call-outcome.ts';
import { E, errnoName } from '../uapi/errno.ts';
import type { Device, Probe } from './contract.ts';
import type { KeptDevice, Plug, PlugRequest } from './contract-plug.ts';
import { pullOut, putIn, slotRefusal } from './pci-slot.ts';

/** What a driver of PCI devices needs to have them pulled out and put back; in the lab alone. */

/** @param find the provider's own; a device comes back when it finds it */
export function pciPlug(find: () => readonly Device[]): Plug {
  const isThere = ({ address }: Device) => find().some((one) => one.address === address);
  const add = (device: Device, want: PlugRequest = {}) => {
    const { slot } = device.identity;
    if (slot === undefined || Object.keys(want).length > 0) return unsupported(device);
    return putIn(slot, () => isThere(device));
  };
  return {
    remove: (device, index) => {
      const { slot } = device.identity;
      return slot === undefined || index !== undefined ? unsupported(device) : pullOut(slot);
    },
    add,
    remember: (device) => ({ device, state: {} }),
    putBack: ({ device }: KeptDevice) => {
      const added = isThere(device) ? undefined : add(device);
      if (added === undefined || added.ok) return undefined;
      const why = `${errnoName(added.errno)} from ${added.call}`;
      return `${device.address} could not be put back: ${why}: boot the machine again`;
    },
  };
}

export function probePciPlug({ identity }: Device): Probe['missing'] {
  const { slot } = identity;
  const refusal =
    slot === undefined ? 'PCI devices are pulled out in the lab only' : slotRefusal(slot);
  return refusal === undefined ? {} : { unplug: refusal };
}

function unsupported({ address }: Device): CallOutcome<undefined> {
  return { ok: false, errno: E.EOPNOTSUPP, call: `removal or making of ${address} as asked` };
}
