import { readdirSync, readFileSync } from 'node:fs';

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

/**
 * Processes that a process started, and those that they started, the eldest first. Looks through all
 * of /proc, because not every kernel lists children: a few milliseconds.
 */
export function descendantsOf(pid: number): readonly number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = new Map(all.map((name) => [Number(name), parentOf(Number(name))]));
  const found = [pid];
  for (const one of found) {
    for (const [child, parent] of parents) if (parent === one) found.push(child);
  }
  return found.slice(1);
}

/** Whether a process is there and not a zombie, which holds nothing any more. */
export function isAlive(pid: number): boolean {
  const { state } = statOf(pid);
  return state !== undefined && !isDead(state);
}

/** A process that is exiting. Source: include/linux/sched.h */
const PF_EXITING = 0x4;

/** Whether the kernel is ending a process, as after an oops in one of its calls. */
export function isEnding(pid: number): boolean {
  const { state, flags } = statOf(pid);
  return state !== undefined && (isDead(state) || (flags & PF_EXITING) !== 0);
}

function isDead(state: string): boolean {
  return state === 'Z' || state === 'X';
}

function parentOf(pid: number): number {
  return statOf(pid).parent;
}

/** The name, which stands in parentheses, may hold anything. Source: proc_pid_stat(5) */
function statOf(pid: number) {
  const behindName = text(`/proc/${pid}/stat`).split(') ').at(-1) ?? '';
  const [state, parent = 0, , , , , flags = 0] = behindName.split(' ');
  return { state: state || undefined, parent: Number(parent), flags: Number(flags) };
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
