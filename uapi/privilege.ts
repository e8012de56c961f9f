import { readFileSync } from 'node:fs';
import { sysfsText } from './sysfs.ts';

/** What a kernel without user namespaces, which has no such file, would have in it. */
const WHOLE = '0 0 4294967295';

/** Source: include/uapi/linux/capability.h */
const CAP_NET_ADMIN = 12n;
const CAP_SYS_ADMIN = 21n;

/** Whether this process has CAP_SYS_ADMIN in effect. */
export function isSystemAdministrator(): boolean {
  return hasCapability(CAP_SYS_ADMIN);
}

/** Whether this process has CAP_NET_ADMIN in effect. */
export function isNetworkAdministrator(): boolean {
  return hasCapability(CAP_NET_ADMIN);
}

/**
 * Whether users are those of the machine: what a container has of capabilities counts for its own users alone,
 * and drivers ask for those of the machine. Source: kernel/user_namespace.c, uid_m_show(); kernel/capability.c,
 * capable()
 *
 * @param uidMap as /proc/self/uid_map has it
 */
export function isWholeMachine(uidMap: string): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(uidMap);
}

/** Source: fs/proc/array.c, task_cap() */
function hasCapability(bit: bigint): boolean {
  if (!isWholeMachine(sysfsText('/proc/self/uid_map') ?? WHOLE)) return false;
  const status = readFileSync('/proc/self/status', 'latin1');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> bit) & 1n) === 1n;
}
