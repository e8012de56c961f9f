import type { Cause } from './causes.ts';
import { evidence } from './evidence.ts';
import { cellAt, cellText, type Grid, type GridCell } from './grid.ts';
import type { Run } from './results.ts';
import { oneLine } from './text.ts';
import { type Counts, countColumns, type Totals } from './totals.ts';

/** A table of the page; `kind` is a class of its style sheet. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface Cell {
  readonly text: string;
  readonly kind?: string;
}

/** A table without rows is left out of the page. */
const NOTHING: Table = { head: [], rows: [] };

export function areaTable(totals: Totals): Table {
  if (totals.areas.length === 0) return NOTHING;
  const columns = countColumns(totals);
  const cells = (counts: Counts) => columns.map(({ count }) => numberCell(count(counts)));
  const rows = totals.areas.map((area) => [{ text: oneLine(area.area, 40) }, ...cells(area)]);
  const head = ['area', ...columns.map(({ name }) => name)];
  return { head, rows: [...rows, [{ text: 'all' }, ...cells(totals)]] };
}

export function evidenceTable(run: Run): Table {
  return {
    head: ['provider', 'where', 'opens', 'memory', 'shares', 'works'],
    rows: evidence(run).map(({ provider, where, opens, memory, shares, works }) => [
      { text: oneLine(provider) },
      { text: oneLine(where) },
      ...[opens, memory, shares, works].map(numberCell),
    ]),
  };
}

/** Why points did not pass, with one of them each. */
export function causeTable(causes: readonly Cause[]): Table {
  return {
    head: ['points', 'what', 'why', 'one of them'],
    rows: causes.map(({ kind, reason, points: [first, ...more] }) => [
      numberCell(more.length + 1),
      { text: kind, kind: first?.verdict ?? '' },
      { text: reason },
      { text: oneLine(first?.id ?? '', 500) },
    ]),
  };
}

export function gridTable(grid: Grid | undefined): Table {
  if (grid === undefined) return NOTHING;
  return {
    head: ['', ...grid.importers.map(({ label }) => oneLine(label))],
    rows: grid.exporters.map(({ address, label }) => [
      { text: oneLine(label) },
      ...grid.importers.map((importer) => {
        const cell = cellAt(grid, address, importer.address);
        return { text: oneLine(cellText(cell)), kind: cellKind(cell) };
      }),
    ]),
  };
}

function cellKind({ state, gating }: GridCell): string {
  return gating > 0 ? 'fail' : state.replace(' ', '-');
}

function numberCell(count: number): Cell {
  return { text: count === 0 ? '-' : String(count), kind: 'number' };
}
