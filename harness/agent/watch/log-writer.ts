import { closeSync, constants, openSync, writeFileSync, writeSync } from 'node:fs';
import { isLab } from './lab.ts';

/** Priority of a marker: facility `user`, level `info`. */
const PRIORITY = '<14>';
export const MARKER = 'uapi-conform: ';

/**
 * Writes into the kernel log, where that is permitted, so that whoever reads it later finds which
 * point the lines belong to. The kernel limits the rate; a lost marker is no harm.
 */
export class LogWriter implements Disposable {
  readonly #fd: number | undefined;

  constructor() {
    try {
      this.#fd = openSync('/dev/kmsg', constants.O_WRONLY);
    } catch {
      this.#fd = undefined;
    }
  }

  mark(text: string): void {
    if (this.#fd === undefined) return;
    try {
      writeSync(this.#fd, `${PRIORITY}${MARKER}${text}\n`);
    } catch {
      // A log that refuses is not a reason to stop.
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

/**
 * Has the kernel log all tasks that are blocked, with their stacks (sysrq `w`); changes nothing.
 * Source: Documentation/admin-guide/sysrq.rst
 */
export function logBlockedTasks(): void {
  try {
    writeFileSync('/proc/sysrq-trigger', 'w');
  } catch {
    // Not root, or sysrq is off.
  }
}

/**
 * Lets warnings that the kernel prints only once be printed again, so that the next point that
 * provokes one is seen too. Only in the lab's guest: it is a write to debugfs.
 * Source: kernel/panic.c, clear_warn_once_set()
 */
export function rearmWarnings(): void {
  if (!isLab()) return;
  try {
    writeFileSync('/sys/kernel/debug/clear_warn_once', '1');
  } catch {
    // A kernel without it.
  }
}
