import {
  CONTRACT_VERSION,
  type Device,
  type OpenRequest,
  type Outcome,
  type Provider,
  type Session,
} from '../../../../providers/contract.ts';
import { closeDeviceFile, openDeviceFile } from '../../../../uapi/device-file.ts';

/** Drives /dev/null: what is left of a point's time is the harness. */

const device: Device = {
  address: 'null@null',
  node: '/dev/null',
  otherNodes: {},
  identity: { where: 'software driver' },
};

function createSession(fd: number): Session {
  return { fd, close: () => closeDeviceFile(fd) };
}

function open(_device: Device, how: OpenRequest): Outcome<Session> {
  const opened = openDeviceFile(device.node, how);
  return opened.ok ? { ok: true, value: createSession(opened.value) } : opened;
}

export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'null',
  title: 'Null device',
  driver: 'mem',
  offers: [],
  headers: [],
  find: () => [device],
  probe: () => ({ ok: true, value: { missing: {}, identity: {} } }),
  open,
  adopt: (_device, fd) => createSession(fd),
};
