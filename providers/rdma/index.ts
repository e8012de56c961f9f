import { E } from '../../uapi/errno.ts';
import {
  CONTRACT_VERSION,
  type Device,
  type OpenRequest,
  type Outcome,
  type Probe,
  type Provider,
  type Session,
} from '../contract.ts';
import type { Part } from './driver.ts';
import { find } from './find.ts';
import { PARTS, partOf } from './parts.ts';
import { plug } from './plug.ts';
import { OFFERED, probeCapabilities } from './probe.ts';
import { adoptSession, openSession } from './session.ts';

function partOfDevice({ identity }: Device): Part {
  return partOf(identity['driver'] ?? 'unknown');
}

function open(device: Device, how: OpenRequest): Outcome<Session> {
  return openSession(device, partOfDevice(device), how);
}

function probe(device: Device): Outcome<Probe> {
  const opened = open(device, {});
  if (!opened.ok) {
    if (opened.errno !== E.EACCES) return opened;
    return { ...opened, call: `${opened.call}: no access; run as root or let your group have it` };
  }
  const { verbs } = opened.value;
  if (verbs === undefined) throw new Error(`${device.address}: a session without verbs`);
  const found = probeCapabilities(device, verbs, partOfDevice(device));
  opened.value.close();
  return found;
}

/** RDMA devices through uverbs, with nothing of rdma-core. */
export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'rdma',
  title: 'RDMA verbs',
  driver: 'ib_uverbs',
  family: [...PARTS.keys()],
  offers: OFFERED,
  headers: ['rdma/rdma-user-ioctl-cmds'],
  find,
  probe,
  open,
  adopt: (device, fd) => adoptSession(device, partOfDevice(device), fd),
  plug,
};
