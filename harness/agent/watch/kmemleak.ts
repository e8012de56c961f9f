import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { isLab } from './lab.ts';

/**
 * Memory that nobody in the kernel points to any more, for kernels built with CONFIG_DEBUG_KMEMLEAK.
 * Source: mm/kmemleak.c; Documentation/dev-tools/kmemleak.rst
 */

const FILE = '/sys/kernel/debug/kmemleak';
/** Asking for a scan writes to debugfs: only in the lab's guest, or when the user says so. */
const OPT_IN = 'UAPI_CONFORM_KMEMLEAK';
/** Objects that are told of in full. */
const TOLD = 10;

export interface LeakedMemory {
  readonly sizeBytes: number;
  /** The task that allocated it: `modprobe (213)`. */
  readonly task: string;
  /** The allocation's stack, innermost first; empty where the kernel kept none. */
  readonly backtrace: readonly string[];
}

/** Source: mm/kmemleak.c, print_unreferenced() */
export function parseKmemleak(text: string): readonly LeakedMemory[] {
  const objects = text.split(/^(?=unreferenced )/m);
  return objects.flatMap((object) => {
    const size = /^unreferenced object.*\(size (\d+)\):/.exec(object)?.[1];
    if (size === undefined) return [];
    const [, comm = '?', pid = '?'] = /^ {2}comm "(.*)", pid (\d+)/m.exec(object) ?? [];
    const stack = /^ {2}backtrace[^\n]*:\n((?: {4}.*\n?)*)/m.exec(object)?.[1] ?? '';
    const backtrace = stack.split('\n').flatMap((line) => line.trim() || []);
    return [{ sizeBytes: Number(size), task: `${comm} (${pid})`, backtrace }];
  });
}

/** One line for each leaked object, and how many there are. */
export function describeKmemleak(leaked: readonly LeakedMemory[]): readonly string[] {
  const [first] = leaked;
  if (first === undefined) return [];
  const lines = leaked.slice(0, TOLD).map(({ sizeBytes, task, backtrace }) => {
    const stack = backtrace.length === 0 ? '' : `, allocated in ${backtrace.join(' < ')}`;
    return `kmemleak: ${sizeBytes} bytes of kernel memory leaked by ${task}${stack}`;
  });
  const more = leaked.length - lines.length;
  return more > 0 ? [...lines, `kmemleak: and ${more} more`] : lines;
}

/**
 * Looks for leaked memory, once: a scan takes seconds.
 *
 * @returns nothing where the kernel has no kmemleak or it is switched off
 */
export function kmemleakNotes(): readonly string[] {
  if (!existsSync(FILE)) return [];
  try {
    // An object counts as leaked only when it is old enough and two scans saw it unchanged.
    for (const _scan of [1, 2]) if (mayScan()) writeFileSync(FILE, 'scan');
    return describeKmemleak(parseKmemleak(readFileSync(FILE, 'utf8')));
  } catch {
    return [];
  }
}

/** What was leaked before the run is not ours to tell: it is cleared, where that is permitted. */
export function forgetKmemleak(): void {
  if (!existsSync(FILE) || !mayScan()) return;
  try {
    writeFileSync(FILE, 'clear');
  } catch {
    // Not root, or switched off.
  }
}

function mayScan(): boolean {
  return isLab() || process.env[OPT_IN] === '1';
}
