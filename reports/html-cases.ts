import type { Entry, Group } from './groups.ts';
import type { Table } from './html-tables.ts';
import { caseOf } from './point-id.ts';
import { VERDICTS } from './results.ts';
import { oneLine } from './text.ts';

/** The points of one provider and area, a row for each case: a run has far more points than a page can list. */
export interface SuiteView {
  readonly title: string;
  readonly result: string;
  readonly table: Table;
}

const NO_VERDICT = ['not-run', 'interrupted'] as const;
const ENDS: readonly string[] = [...VERDICTS, ...NO_VERDICT];

export function suiteTitle(group: Group): Pick<SuiteView, 'title' | 'result'> {
  return { title: oneLine(`${group.provider}, ${group.area}`), result: countsText(group.entries) };
}

export function casesTable(group: Group): Table {
  const cases = new Map<string, Entry[]>();
  for (const entry of group.entries) {
    const id = caseOf(entry.id);
    const entries = cases.get(id) ?? [];
    entries.push(entry);
    cases.set(id, entries);
  }
  const sorted = [...cases].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    head: ['case', 'what it checks', 'rules', 'points'],
    rows: sorted.map(([id, entries]) => {
      const judged = entries.find((entry) => entry.kind === 'judged')?.point;
      return [
        { text: oneLine(id, 500) },
        { text: oneLine(judged?.title ?? '') },
        { text: oneLine(judged?.rules.map((rule) => rule.id).join(' ') ?? '') },
        { text: countsText(entries), kind: worstOf(entries) },
      ];
    }),
  };
}

/** `12 pass, 3 skip`, the best first. */
function countsText(entries: readonly Entry[]): string {
  const counts = new Map<string, number>();
  for (const entry of entries) counts.set(endOf(entry), (counts.get(endOf(entry)) ?? 0) + 1);
  const said = ENDS.filter((end) => counts.has(end)).map((end) => `${counts.get(end)} ${end}`);
  return said.join(', ');
}

function worstOf(entries: readonly Entry[]): string {
  return ENDS[Math.max(...entries.map((entry) => ENDS.indexOf(endOf(entry))))] ?? '';
}

function endOf(entry: Entry): string {
  return entry.kind === 'judged' ? entry.point.verdict : entry.kind;
}
