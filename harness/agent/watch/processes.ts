import { readFileSync } from 'node:fs';

/** Who a process is, and whether it is one of ours. */

/** `node (212)`; undefined when there is no such process any more. */
export function processName(pid: number): string | undefined {
  const name = text(`/proc/${pid}/comm`).trim();
  return name === '' ? undefined : `${name} (${pid})`;
}

/** Whether a process is the agent or descends from it: workers and their peers do. */
export function isOurs(pid: number): boolean {
  for (let at = pid; at > 1; at = parentOf(at)) if (at === process.pid) return true;
  return false;
}

/** The name, which stands in parentheses, may hold anything. Source: proc_pid_stat(5) */
function parentOf(pid: number): number {
  const [, parent] = /\) . (\d+) [^)]*$/.exec(text(`/proc/${pid}/stat`)) ?? [];
  return Number(parent ?? 0);
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
