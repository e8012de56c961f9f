import { readFileSync } from 'node:fs';

/**
 * Whether the kernel still checks its locks: lockdep switches itself off at its first report, and
 * from then on finds nothing. Undefined for kernels without it.
 * Source: kernel/locking/lockdep_proc.c, lockdep_stats_show()
 */
export function isLockdepOn(): boolean | undefined {
  try {
    const stats = readFileSync('/proc/lockdep_stats', 'utf8');
    const value = /debug_locks:\s*(\d)/.exec(stats)?.[1];
    return value === undefined ? undefined : value === '1';
  } catch {
    return undefined;
  }
}
