/** What a run says about the expectations it was judged by, for reports. */
import { reasonLine } from './failure-text.ts';
import type { Run } from './results.ts';
import { oneLine } from './text.ts';

/** Begins the notes of a journal that speak of expectations, so that reports can set them apart. */
export const EXPECTATION_NOTE = 'expectations: ';

/** The notes that speak of other things. */
export function otherNotes(run: Run): string[] {
  return run.notes.filter((note) => !note.startsWith(EXPECTATION_NOTE));
}

/** Each entry that is stale, and each that a pass has proved to be; empty when all are in order. */
export function expectationLines(run: Run): string[] {
  const notes = run.notes
    .filter((note) => note.startsWith(EXPECTATION_NOTE))
    .map((note) => oneLine(note.slice(EXPECTATION_NOTE.length)));
  return [...new Set(notes), ...passLines(run)];
}

/** One entry may stand for many points that pass. */
function passLines(run: Run): string[] {
  const passes = new Map<string, { readonly first: string; others: number }>();
  for (const point of run.points) {
    if (point.verdict !== 'unexpected-pass') continue;
    const reason = reasonLine(point);
    const known = passes.get(reason);
    if (known) known.others++;
    else passes.set(reason, { first: point.id, others: 0 });
  }
  return [...passes].map(([reason, { first, others }]) => {
    const more = others === 0 ? '' : ` and ${others} more`;
    return `${oneLine(first, 500)}${more}: ${reason}`;
  });
}
