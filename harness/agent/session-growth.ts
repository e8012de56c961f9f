import { readFileSync } from 'node:fs';
import type { Outcome, Session } from '../../providers/contract.ts';
import { callLog, setCallLog } from '../../uapi/call-log.ts';
import { sleepMs } from '../../uapi/sys-child.ts';
import { type Growth, grown } from './watch/growth.ts';

/** What a session holds, in numbers: compared between its opening and the moment before it closes. */

/** A session whose provider can count its objects. */
export interface CountingSession {
  counts?(): Outcome<Readonly<Record<string, number>>>;
}

export type SessionNumbers = ReadonlyMap<string, number>;

/** Looked at again as often: drivers drop some objects a little after their handles. */
const LOOKS = 6;
const LOOK_MS = 25;

const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, '': 1 };

/**
 * The memory that a DRM file accounts for, in bytes. What is resident, active or purgeable may change
 * without anybody's call and does not count. No such keys come from drivers without show_fdinfo.
 * Source: Documentation/gpu/drm-usage-stats.rst; drivers/gpu/drm/drm_file.c, drm_print_memory_stats()
 */
export function parseDrmMemory(fdinfo: string): SessionNumbers {
  const rows = fdinfo.matchAll(/^(drm-(?:total|shared|memory)-[^:]+):\s*(\d+)\s*(\w*)$/gm);
  const numbers = new Map<string, number>();
  for (const [, key = '', value, unit = ''] of rows) {
    numbers.set(key, Number(value) * (UNITS[unit] ?? 1));
  }
  return numbers;
}

/** Everything that can be counted of a session now. */
export function sessionNumbers(node: string, session: Session & CountingSession): SessionNumbers {
  const numbers = new Map(isDrm(node) ? drmMemory(session.fd) : []);
  for (const [name, count] of Object.entries(objectCounts(session))) numbers.set(name, count);
  return numbers;
}

/** The calls that counting takes are the suite's, not the point's: they are not logged. */
function objectCounts(session: CountingSession): Readonly<Record<string, number>> {
  if (session.counts === undefined) return {};
  const log = callLog();
  setCallLog(undefined);
  try {
    const counts = session.counts();
    return counts.ok ? counts.value : {};
  } finally {
    setCallLog(log);
  }
}

/**
 * What a session holds more than when it was opened, in words. To be called when everything that was
 * made through it has been released.
 */
export function sessionGrowth(before: SessionNumbers, now: () => SessionNumbers): string[] {
  if (before.size === 0) return [];
  let more = grown(before, now());
  for (let look = 1; more.length > 0 && look < LOOKS; look++) {
    sleepMs(LOOK_MS);
    more = grown(before, now());
  }
  return more.map(describeGrowth);
}

function describeGrowth({ name, before, after }: Growth): string {
  const unit = name.startsWith('drm-') ? ' bytes' : '';
  return `${name} ${after}${unit}, ${before} when the session was opened`;
}

function isDrm(node: string): boolean {
  return node.startsWith('/dev/dri/') || node.startsWith('/dev/accel/');
}

function drmMemory(fd: number): SessionNumbers {
  try {
    return parseDrmMemory(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
  } catch {
    return new Map();
  }
}
