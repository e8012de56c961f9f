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
  const passes = run.points
    .filter((point) => point.verdict === 'unexpected-pass')
    .map((point) => `${oneLine(point.id, 500)}: ${reasonLine(point)}`);
  return [...new Set(notes), ...passes];
}
