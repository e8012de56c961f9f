import type { CallOutcome } from '../../uapi/call-outcome.ts';
import { trySetNetworkLink } from '../../uapi/network-link.ts';
import { addRdmaLink, deleteRdmaLink, tryRdmaLinkIndex } from '../../uapi/rdma-link.ts';
import type { Device } from '../contract.ts';
import type { Plug, PlugRequest, PortRequest } from '../contract-plug.ts';
import { ibdevOf } from './ibdev.ts';
import { putBack, remember } from './put-back.ts';

/** RDMA devices that an administrator makes over network devices, and removes. */

export const plug: Plug = { remove, add, removeNamed, setPort, remember, putBack };

function remove(device: Device, index?: number): CallOutcome<undefined> {
  return index === undefined ? removeNamed(ibdevOf(device)) : deleteRdmaLink(index);
}

function removeNamed(name: string): CallOutcome<undefined> {
  const index = tryRdmaLinkIndex(name);
  return index.ok ? deleteRdmaLink(index.value) : index;
}

function add(device: Device, want: PlugRequest): CallOutcome<undefined> {
  const { driver = '', netdev = '' } = device.identity;
  return addRdmaLink({ name: ibdevOf(device), driver, netdev, ...want });
}

function setPort({ identity }: Device, { state, mtu }: PortRequest): CallOutcome<undefined> {
  const isUp = state === undefined ? undefined : state === 'up';
  return trySetNetworkLink(identity['netdev'] ?? '', { isUp, mtu });
}
