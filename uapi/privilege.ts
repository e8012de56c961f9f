import { readFileSync } from 'node:fs';

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

/** Source: fs/proc/array.c, task_cap() */
function hasCapability(bit: bigint): boolean {
  const status = readFileSync('/proc/self/status', 'latin1');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> bit) & 1n) === 1n;
}
