import { existsSync } from 'node:fs';
import {
  type BufferObject,
  CONTRACT_VERSION,
  type Device,
  type Outcome,
  type Provider,
  type Session,
} from '../../../providers/contract.ts';
import { closeDeviceFile, openDeviceFile } from '../../../uapi/device-file.ts';
import { tryIoctl } from '../../../uapi/ioctl.ts';
import { deviceNode } from '../../../uapi/sysfs.ts';
import { FAULTS_DO, faults_do, WHAT } from './uapi.ts';

/**
 * A provider whose devices each have one fault, brought about by a kernel module that misbehaves on
 * demand: module/. One node is behind them all; the address tells what alloc() asks the module for.
 */

const CLASS = '/sys/class/misc/uapi-faults';
const FOR_EVER = 0;

interface Fault {
  readonly what: number;
  /** Seconds, milliseconds or pages, as module/uapi_faults.h says. */
  readonly arg?: number;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  none: { what: WHAT.NOTHING },
  sleep: { what: WHAT.SLEEP },
  uninterruptible: { what: WHAT.SLEEP_UNINTERRUPTIBLE, arg: FOR_EVER },
  /** Stuck for longer than anybody waits for a killed worker, and then gone. */
  'uninterruptible-30s': { what: WHAT.SLEEP_UNINTERRUPTIBLE, arg: 30 },
  release: { what: WHAT.RELEASE },
  warn: { what: WHAT.WARN },
  refcount: { what: WHAT.REFCOUNT },
  'leak-fd': { what: WHAT.LEAK_FD },
  dmabuf: { what: WHAT.DMABUF, arg: 3 },
  'leak-dmabuf': { what: WHAT.LEAK_DMABUF, arg: 3 },
  late: { what: WHAT.LATE, arg: 300 },
  'too-late': { what: WHAT.LATE, arg: 60_000 },
  oops: { what: WHAT.OOPS },
  panic: { what: WHAT.PANIC },
  log: { what: WHAT.LOG, arg: 42 },
  stall: { what: WHAT.STALL, arg: FOR_EVER },
  'stall-logging': { what: WHAT.STALL_LOGGING, arg: FOR_EVER },
};

/** Source: drivers/char/misc.c, misc_register() */
function find(): readonly Device[] {
  if (!existsSync(CLASS)) return [];
  const node = deviceNode(CLASS) ?? '/dev/uapi-faults';
  return Object.keys(FAULTS).map((name) => ({
    address: `faults@${name}`,
    node,
    otherNodes: {},
    identity: { where: 'software driver' },
  }));
}

function open(device: Device): Outcome<Session> {
  const opened = openDeviceFile(device.node);
  return opened.ok ? { ok: true, value: adopt(device, opened.value) } : opened;
}

function adopt(device: Device, fd: number): Session {
  return {
    fd,
    alloc: ({ size }) => bringAbout(fd, FAULTS[device.address.replace('faults@', '')], size),
    free: (buffer) => {
      if (buffer.fd === undefined) return { ok: true, value: undefined };
      return closeDeviceFile(buffer.fd);
    },
    close: () => closeDeviceFile(fd),
  };
}

/** A signal ends it, as the module means it to: the call is not started again. */
function bringAbout(
  session: number,
  fault: Fault = { what: WHAT.NOTHING },
  size: bigint,
): Outcome<BufferObject> {
  const { what, arg = 0 } = fault;
  const argument = faults_do.make({ what, arg });
  const { errno } = tryIoctl(session, FAULTS_DO, argument, { restart: false });
  if (errno !== 0) return { ok: false, errno, call: FAULTS_DO.name };
  const fd = faults_do.get(argument, 'fd');
  return { ok: true, value: fd < 0 ? { size } : { size, fd } };
}

export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'faults',
  title: 'Faults on demand',
  driver: 'uapi_faults',
  offers: ['alloc'],
  headers: [],
  find,
  probe: () => ({ ok: true, value: { missing: {}, identity: {} } }),
  open,
  adopt,
};
