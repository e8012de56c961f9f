/** One process at a time has a run: a lock on its journal, which the kernel drops with the process. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { E } from '../../uapi/errno.ts';
import { LOCK_EX, LOCK_NB, tryFlock } from '../../uapi/sys-lock.ts';
import { UsageError } from '../errors.ts';

/** Held until it is disposed or this process is gone, in whatever way; nothing stays on the disk. */
export class RunLock implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Takes the run that has this journal. A file system without locks is no reason to refuse.
   * @param option what the user gave, to begin the error with
   * @throws UsageError that names the process which has it
   */
  static take(journal: string, option: string): RunLock {
    // Close-on-exec, as all that node opens: agents and workers must not keep the lock.
    const fd = openJournal(journal, option);
    const { errno } = tryFlock(fd, LOCK_EX | LOCK_NB);
    if (errno !== E.EAGAIN) return new RunLock(fd);
    const holder = holderOf(fd);
    closeSync(fd);
    throw new UsageError(
      `${option}: that run still goes on in ${holder}. Wait for its end, or stop it first.`,
    );
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

function openJournal(journal: string, option: string): number {
  try {
    return openSync(journal, 'r');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${option}: no run has a journal there: ${why}.`);
  }
}

/**
 * `1: FLOCK  ADVISORY  WRITE 4711 fe:00:2146430 0 EOF`; the device is left out of the comparison, as
 * it is another one than stat's on some file systems. Source: fs/locks.c, lock_get_status()
 */
function holderOf(fd: number): string {
  const { ino } = fstatSync(fd);
  const pattern = new RegExp(`FLOCK +ADVISORY +WRITE (\\d+) \\w+:\\w+:${ino} `);
  const pid = pattern.exec(textOf('/proc/locks'))?.[1];
  return pid === undefined ? 'another process, which /proc/locks does not name' : `process ${pid}`;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
