import { existsSync } from 'node:fs';

/** Whether this is the lab's guest, which is ours alone and thrown away: ci/lab/guest/init.sh. */
export function isLab(): boolean {
  return existsSync('/run/lab');
}
