import { readFileSync } from 'node:fs';
import { grown } from './growth.ts';

/** Slab caches, as information: what grew may be a leak, or a cache that does its work. */

/** Caches that grew by fewer objects are not worth a line. */
const LEAST_GROWTH = 1000;
const TOLD = 8;

/**
 * Active objects by cache. Merged caches share one name.
 * Source: mm/slab_common.c, cache_show()
 */
export function parseSlabinfo(text: string): ReadonlyMap<string, number> {
  const rows = text.split('\n').flatMap((line) => {
    const [, name, active] = /^(\S+)\s+(\d+)\s+\d+\s+\d+\s/.exec(line) ?? [];
    return name === undefined ? [] : [[name, Number(active)] as const];
  });
  return new Map(rows);
}

/** Empty without the right to read it: only root may. */
export function slabCounts(): ReadonlyMap<string, number> {
  try {
    return parseSlabinfo(readFileSync('/proc/slabinfo', 'utf8'));
  } catch {
    return new Map();
  }
}

/** One line on the caches that grew most, or none. */
export function slabNote(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): readonly string[] {
  const most = grown(before, after)
    .map(({ name, before, after }) => ({ name, added: after - before }))
    .filter(({ added }) => added >= LEAST_GROWTH)
    .sort((a, b) => b.added - a.added)
    .slice(0, TOLD);
  if (most.length === 0 || before.size === 0) return [];
  const caches = most.map(({ name, added }) => `${name} +${added}`).join(', ');
  return [`slab caches that grew over the run (information only, active objects): ${caches}`];
}
