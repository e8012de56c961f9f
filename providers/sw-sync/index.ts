import { openDeviceFile } from '../../uapi/device-file.ts';
import { E, errnoName } from '../../uapi/errno.ts';
import { tryClose } from '../../uapi/sys.ts';
import { sysfsEntries, sysfsTarget, sysfsText } from '../../uapi/sysfs.ts';
import {
  CONTRACT_VERSION,
  type Device,
  type OpenRequest,
  type Outcome,
  type Probe,
  type Provider,
  type Session,
} from '../contract.ts';
import { createSession, makeFence, tryDeadline } from './timeline.ts';

/** What built it in has no module; what may not look into debugfs sees the module alone. */
const MODULE = '/sys/module/sw_sync';

/** Source: drivers/dma-buf/sync_debug.c, sync_debugfs_init() */
function find(): readonly Device[] {
  const folder = `${debugfs()}/sync`;
  const isThere = sysfsEntries(folder).includes('sw_sync') || sysfsTarget(MODULE) !== undefined;
  if (!isThere) return [];
  const identity = { where: 'software driver' };
  return [{ address: 'sw-sync@sw_sync', node: `${folder}/sw_sync`, otherNodes: {}, identity }];
}

/** Where it is mounted, else where it would be. */
function debugfs(): string {
  const mounts = sysfsText('/proc/mounts') ?? '';
  return /^\S+ (\S+) debugfs /m.exec(mounts)?.[1] ?? '/sys/kernel/debug';
}

function open(device: Device, how: OpenRequest): Outcome<Session> {
  const opened = openDeviceFile(device.node, how);
  return opened.ok ? { ok: true, value: createSession(opened.value) } : opened;
}

/**
 * A fence, and what is said of a deadline that nobody set. In 7.3, not in 6.12, the first fence taints
 * the kernel (TAINT_SOFTLOCKUP): so the probe makes it, and no point is blamed for it.
 */
function probe({ node }: Device): Outcome<Probe> {
  const opened = openDeviceFile(node);
  if (!opened.ok) return opened;
  const fence = makeFence(opened.value, 1);
  const deadline = fence.ok ? tryDeadline(opened.value, fence.value) : undefined;
  if (fence.ok) tryClose(fence.value);
  tryClose(opened.value);
  if (!fence.ok) return fence;
  const missing =
    deadline === undefined || deadline.errno === E.ENOENT
      ? {}
      : { 'timeline-deadline': `SW_SYNC_GET_DEADLINE answers ${errnoName(deadline.errno)}` };
  return { ok: true, value: { missing, identity: {} } };
}

/** sw_sync: timelines that user space counts, and fences at their points. For tests, root's alone. */
export const provider: Provider = {
  contract: CONTRACT_VERSION,
  name: 'sw-sync',
  title: 'Software timelines',
  driver: 'sw_sync',
  offers: ['timeline', 'timeline-deadline'],
  headers: ['linux/sw-sync'],
  find,
  probe,
  open,
  adopt: (_device, fd) => createSession(fd),
};
