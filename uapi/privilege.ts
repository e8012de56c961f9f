import { readFileSync } from 'node:fs';

/** Source: include/uapi/linux/capability.h */
const CAP_SYS_ADMIN = 21n;

/** Whether this process has CAP_SYS_ADMIN in effect. Source: fs/proc/array.c, task_cap() */
export function isSystemAdministrator(): boolean {
  const status = readFileSync('/proc/self/status', 'latin1');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}
