import { accessSync, constants, existsSync, readFileSync, rmSync } from 'node:fs';
import { type CallOutcome, outcomeOf } from '../uapi/call-outcome.ts';
import { O_CLOEXEC, O_WRONLY } from '../uapi/constants.ts';
import { E, type Errno, errnoNumber } from '../uapi/errno.ts';
import { tryClose, tryOpen, tryWrite } from '../uapi/sys.ts';
import { sleepMs, within } from '../uapi/sys-child.ts';

/**
 * PCI devices that somebody pulls out of the machine and puts back: in the lab's guests a service does, by
 * the kernel's own removal of devices (ci/lab/guest/slots.sh). Elsewhere nobody does: the suite does not
 * write sysfs.
 */

const SLOTS = '/run/lab/slots';
const ORDERS = `${SLOTS}/orders`;
/** The devices that the lab does not pull out. */
const PINNED = `${SLOTS}/pinned`;
const PINNED_REASON = 'QEMU before 11 dies when this device goes';
const LOOK_MS = 5;
/** What is left of a removal when its last user is gone. */
const REMOVAL_LIMIT_MS = 5_000;
/** A driver that finds a new card talks to its firmware first. */
const PROBE_LIMIT_MS = 15_000;

/** The last of them in a path of sysfs: the PCI function that a device is, or hangs on. */
const PCI_ADDRESS = /(?:.*\/)?([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])(?=\/|$)/;

/**
 * @param path of the device in sysfs, or its PCI address
 * @returns for its identity: the PCI address, `0000:01:00.0`; nothing where nobody pulls it out
 */
export function slotOf(path: string): { readonly slot?: string } {
  const slot = existsSync(ORDERS) ? PCI_ADDRESS.exec(path)?.[1] : undefined;
  return slot === undefined ? {} : { slot };
}

/** Why this process cannot have a device pulled out; undefined where it can. */
export function slotRefusal(slot: string): string | undefined {
  if (readFileSync(PINNED, 'utf8').split('\n').includes(slot)) return PINNED_REASON;
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

/**
 * Returns when a driver has taken the device. EEXIST for one that is in its place, EBUSY for one whose
 * removal does not end, ETIMEDOUT when no driver takes it.
 *
 * @param isThere whether what the driver makes of it is there
 */
export function putIn(slot: string, isThere: () => boolean): CallOutcome<undefined> {
  let added = order('add', slot);
  const deadline = performance.now() + REMOVAL_LIMIT_MS;
  while (!added.ok && added.errno === E.EBUSY && performance.now() <= deadline) {
    sleepMs(LOOK_MS);
    added = order('add', slot);
  }
  if (!added.ok || within(PROBE_LIMIT_MS, isThere)) return added;
  return { ok: false, errno: E.ETIMEDOUT, call: callOf('add', slot) };
}

type Order = 'remove' | 'add';

function callOf(what: Order, slot: string): string {
  return `${what} of PCI device ${slot}`;
}

/** What is ordered by one who does not live to read the answer is done all the same. */
function order(what: Order, slot: string): CallOutcome<undefined> {
  const call = callOf(what, slot);
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
