import { existsSync } from 'node:fs';

let answer: boolean | undefined;

/** Whether this is the lab's guest, which is ours alone and thrown away: ci/lab/guest/init.sh. */
export function isLab(): boolean {
  answer ??= existsSync('/run/lab');
  return answer;
}
