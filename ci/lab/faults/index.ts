import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BufferObject,
  CONTRACT_VERSION,
  type Device,
  type Outcome,
  type Provider,
  type Session,
} from '../../../providers/contract.ts';
import { closeDeviceFile, openDeviceFile } from '../../../uapi/device-file.ts';
import { E } from '../../../uapi/errno.ts';
import { tryIoctl } from '../../../uapi/ioctl.ts';
import { deviceNode, sysfsEntries } from '../../../uapi/sysfs.ts';
import { FAULTS_DO, faults_do, WHAT } from './uapi.ts';

/**
 * A provider whose devices each have one fault, brought about by a kernel module that misbehaves on
 * demand: module/. One node is behind them all; the address tells what alloc() asks the module for.
 */

const CLASS = '/sys/class/misc/uapi-faults';
const GONE = 'faults@gone';
const FOR_EVER = 0;

const MODULE = 'uapi_faults';
/** What the lab's guest brings along: ci/lab/guest/init.sh. */
const BUSYBOX = '/run/lab/busybox';
const MODULES = '/run/lab/modules';

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
  'leak-module': { what: WHAT.LEAK_MODULE },
  /** Not the module's doing: it is unloaded under the point. Before those that keep it loaded. */
  gone: { what: WHAT.NOTHING },
};

/** Source: drivers/char/misc.c, misc_register() */
function find(): readonly Device[] {
  if (!existsSync(CLASS) && moduleFile() === undefined) return [];
  const node = deviceNode(CLASS) ?? '/dev/uapi-faults';
  return Object.keys(FAULTS).map((name) => ({
    address: `faults@${name}`,
    node,
    otherNodes: {},
    identity: { where: 'software driver' },
  }));
}

function open(device: Device): Outcome<Session> {
  if (!existsSync(CLASS)) loadModule();
  const opened = openDeviceFile(device.node);
  return opened.ok ? { ok: true, value: adopt(device, opened.value) } : opened;
}

function adopt(device: Device, fd: number): Session {
  return {
    fd,
    alloc: ({ size }) =>
      device.address === GONE
        ? unloadModule(fd, size)
        : bringAbout(fd, FAULTS[device.address.replace('faults@', '')], size),
    free: (buffer) => {
      if (buffer.fd === undefined) return { ok: true, value: undefined };
      return closeDeviceFile(buffer.fd);
    },
    // Unloading has closed it.
    close: () => (existsSync(CLASS) ? closeDeviceFile(fd) : { ok: true, value: undefined }),
  };
}

/** A module can be unloaded only when nobody has its node open. */
function unloadModule(session: number, size: bigint): Outcome<BufferObject> {
  const closed = closeDeviceFile(session);
  if (!closed.ok) return closed;
  const { status } = spawnSync(BUSYBOX, ['rmmod', MODULE]);
  return status === 0
    ? { ok: true, value: { size } }
    : { ok: false, errno: E.EBUSY, call: 'rmmod' };
}

/** Loads again what `gone` unloaded, for the points after it. */
function loadModule(): void {
  const file = moduleFile();
  if (file !== undefined) spawnSync(BUSYBOX, ['insmod', file]);
}

function moduleFile(): string | undefined {
  const name = sysfsEntries(MODULES).find((file) => file.includes(MODULE));
  return name === undefined ? undefined : join(MODULES, name);
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
  driver: MODULE,
  offers: ['alloc'],
  headers: [],
  find,
  probe: () => ({ ok: true, value: { missing: {}, identity: {} } }),
  open,
  adopt,
};
