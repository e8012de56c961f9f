import { existsSync, writeFileSync } from 'node:fs';
import koffi from 'koffi';
import {
  CONTRACT_VERSION,
  type Device,
  type Outcome,
  type Provider,
  type Session,
} from '../../../providers/contract.ts';
import { closeDeviceFile, openDeviceFile } from '../../../uapi/device-file.ts';
import { E } from '../../../uapi/errno.ts';
import { eventfd } from '../../../uapi/sys-file.ts';
import { tryPoll } from '../../../uapi/sys-poll.ts';

/**
 * A provider whose devices each have one forced outcome, by which the harness proves itself: every
 * verdict is reached for the reason that its name says. Nothing here is simulated: the SIGSEGV is
 * one, and the panic is the kernel's. Only the lab's guest has these devices.
 */

const LAB_GUEST = '/run/lab';
const NODE = '/dev/null';

/** What alloc() does on each device; what it returns is the verdict's raw material. */
const OUTCOMES = {
  pass: success,
  refuse: () => ({ ok: false, errno: E.ENOSPC, call: 'a forced refusal' }),
  /** Reads address 1. */
  segv() {
    koffi.decode.uint32(1n);
    return success();
  },
  /** Waits for ever on an event that nobody sends. */
  hang() {
    tryPoll([{ fd: eventfd(), events: 1 }], -1);
    return success();
  },
  exit: () => process.exit(7),
  throw() {
    throw new Error('a provider that throws');
  },
  leak() {
    openDeviceFile(NODE);
    return success();
  },
  /** Sets the kernel's taint bit for user space, which stays until the next boot. */
  taint() {
    writeFileSync('/proc/sys/kernel/tainted', '64');
    return success();
  },
  panic() {
    writeFileSync('/proc/sysrq-trigger', 'c');
    return success();
  },
} as const satisfies Record<string, () => Outcome<{ readonly size: bigint }>>;

/** Devices that cannot be opened, by errno; each is another class of skip. */
const CLOSED = {
  'no-node': E.ENOENT,
  'no-privilege': E.EACCES,
  'no-device': E.ENODEV,
} as const;

function success(): Outcome<{ readonly size: bigint }> {
  return { ok: true, value: { size: 4096n } };
}

function find(): readonly Device[] {
  if (!existsSync(LAB_GUEST)) return [];
  const names = [...Object.keys(OUTCOMES), ...Object.keys(CLOSED)];
  return names.map((name) => ({
    address: `forced@${name}`,
    node: NODE,
    otherNodes: {},
    identity: { where: 'software driver' },
  }));
}

function open(device: Device): Outcome<Session> {
  const name = device.address.replace('forced@', '');
  const errno = CLOSED[name as keyof typeof CLOSED];
  if (errno !== undefined) return { ok: false, errno, call: `open ${name}` };
  const opened = openDeviceFile(NODE);
  return opened.ok ? { ok: true, value: adopt(device, opened.value) } : opened;
}

function adopt(device: Device, fd: number): Session {
  const outcome = OUTCOMES[device.address.replace('forced@', '') as keyof typeof OUTCOMES];
  return {
    fd,
    alloc: () => outcome(),
    free: () => ({ ok: true, value: undefined }),
    close: () => closeDeviceFile(fd),
  };
}

export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'forced',
  title: 'Forced outcomes',
  driver: 'mem',
  offers: ['alloc', 'fence'],
  headers: [],
  find,
  probe: () => ({
    ok: true,
    value: { missing: { fence: 'forced to be absent' }, identity: {} },
  }),
  open,
  adopt,
};
