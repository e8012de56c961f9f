import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { E } from '../../uapi/errno.ts';
import { trySetNetworkLink } from '../../uapi/network-link.ts';
import { deleteRdmaLink } from '../../uapi/rdma-link.ts';
import type { Device } from '../contract.ts';
import type { Plug, PortRequest } from '../contract-plug.ts';
import { putBack, remember } from './put-back.ts';
import { makeDevice, removeDevice, removeLink } from './remake.ts';

/** RDMA devices that come and go: those that an administrator makes over network devices, and cards. */

export const plug: Plug = {
  remove,
  add: makeDevice,
  removeNamed: removeLink,
  setPort,
  remember,
  putBack,
};

function remove(device: Device, index?: number): CallOutcome<undefined> {
  if (index === undefined) return removeDevice(device);
  if (device.identity['slot'] === undefined) return deleteRdmaLink(index);
  return { ok: false, errno: E.EOPNOTSUPP, call: 'removal by another number than the device has' };
}

function setPort({ identity }: Device, { state, mtu }: PortRequest): CallOutcome<undefined> {
  const isUp = state === undefined ? undefined : state === 'up';
  return trySetNetworkLink(identity['netdev'] ?? '', { isUp, mtu });
}
