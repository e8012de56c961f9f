import { accessSync, constants, existsSync, readFileSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { type CallOutcome, outcomeOf } from '../uapi/call-outcome.ts';
import { O_CLOEXEC, O_WRONLY } from '../uapi/constants.ts';
import { E, type Errno, errnoNumber } from '../uapi/errno.ts';
import { tryClose, tryOpen, tryWrite } from '../uapi/sys.ts';
import { sleepMs } from '../uapi/sys-child.ts';

/**
 * PCI devices that somebody pulls out of the machine and puts back: in the lab's guests a service does, by
 * the kernel's own removal of devices (ci/lab/guest/slots.sh). Elsewhere nobody does: the suite does not
 * write sysfs.
 */

const SLOTS = '/run/lab/slots';
const ORDERS = `${SLOTS}/orders`;
const LOOK_MS = 5;

/** @returns the device's PCI address, `0000:01:00.0`; undefined where nobody pulls it out */
export function slotOf(sysfsPath: string): string | undefined {
  const address = basename(sysfsPath);
  const isPci = existsSync(`/sys/bus/pci/devices/${address}`);
  return isPci && existsSync(ORDERS) ? address : undefined;
}

/** Why this process cannot have devices pulled out; undefined where it can. */
export function slotRefusal(): string | undefined {
  try {
    accessSync(ORDERS, constants.W_OK);
    return undefined;
  } catch {
    return 'the lab pulls devices out for root only';
  }
}

/** Returns when the kernel has let go of the device. EBUSY while another removal is on its way. */
export function pullOut(slot: string): CallOutcome<undefined> {
  return order('remove', slot);
}

/** Returns when the kernel has the device, and its driver was asked to take it. */
export function putIn(slot: string): CallOutcome<undefined> {
  return order('add', slot);
}

/** What is ordered by one who does not live to read the answer is done all the same. */
function order(what: 'remove' | 'add', slot: string): CallOutcome<undefined> {
  const call = `${what} of PCI device ${slot}`;
  const opened = tryOpen(ORDERS, O_WRONLY | O_CLOEXEC);
  if (opened.errno !== 0) return outcomeOf(opened, call);
  const number = `${process.pid}.${process.hrtime.bigint()}`;
  const written = tryWrite(opened.ret, Buffer.from(`${number} ${what} ${slot}\n`));
  tryClose(opened.ret);
  if (written.errno !== 0) return outcomeOf(written, call);
  const errno = answerTo(`${SLOTS}/${number}`);
  return errno === 0 ? { ok: true, value: undefined } : { ok: false, errno, call };
}

function answerTo(file: string): Errno {
  while (!existsSync(file)) sleepMs(LOOK_MS);
  const answer = readFileSync(file, 'utf8').trim();
  rmSync(file);
  return answer === 'ok' ? 0 : (errnoNumber(answer) ?? E.EIO);
}
