/** Finds entries that can be of no use any more, without running anything. */
import type { ExpectationEntry } from './expectation-entry.ts';
import type { ExpectationList } from './expectation-lists.ts';
import { pastDay } from './expectations.ts';

/** What lists are checked against. */
export interface Known {
  /** `2026-11-21`, UTC. */
  readonly today: string;
  readonly caseIds: readonly string[];
  /** Names of providers and of kernel drivers. */
  readonly drivers: readonly string[];
}

/** One line for each thing to be mended. */
export function staleRemarks(lists: readonly ExpectationList[], known: Known): string[] {
  return lists.flatMap(({ folder, name, entries }) => {
    const isAsked = known.drivers.some(
      (driver) => folder === driver || folder.startsWith(`${driver}-`),
    );
    const unasked = `${name}: no provider or driver begins '${folder}': the list is never asked`;
    const remarks = entries.flatMap((entry, index) => [
      ...entryRemarks(entry, known),
      ...shadowRemarks(entry, entries.slice(0, index)),
    ]);
    return [...(isAsked ? [] : [unasked]), ...remarks];
  });
}

function entryRemarks(entry: ExpectationEntry, known: Known): string[] {
  const { place, pattern, reason } = entry;
  const past = pastDay(entry, known.today);
  return [
    ...(past ? [past] : []),
    ...(known.caseIds.some(entry.matchesCase)
      ? []
      : [`${place}: the entry '${pattern}' matches no case: correct or remove it`]),
    ...(reason.startsWith('TODO') ? [`${place}: the entry '${pattern}' wants a reason`] : []),
  ];
}

/** The first entry that matches decides, so one with the same pattern behind it is never reached. */
function shadowRemarks(entry: ExpectationEntry, before: readonly ExpectationEntry[]): string[] {
  const first = before.find(
    ({ pattern, kernels, until }) => pattern === entry.pattern && kernels.length === 0 && !until,
  );
  if (!first) return [];
  return [`${entry.place}: ${first.place} has the pattern '${entry.pattern}' too, and decides`];
}
