import { cellAt, cellText, type Grid, type GridCell, type GridDevice, gridOf } from './grid.ts';
import type { Run } from './results.ts';
import { plainTable } from './table.ts';
import { oneLine } from './text.ts';

export const GRID_TITLE =
  'dma-buf grid: exporters down, importers across; a side with an errno refused';

/** Between columns, as in `plainTable`. */
const GAP = 2;
/** Failed points named under the grid; the rest is counted. */
const NAMED = 3;

export interface GridLook {
  /** Columns of text: importers that do not fit beside each other stand in a table of their own. */
  readonly width: number;
  /** Paints a cell's text, where there is colour. */
  paint?(text: string, cell: GridCell): string;
}

/**
 * The grid as text: a title, tables of at most `width` columns, and below them what failed in cells
 * that work partly and which devices took no part. Empty when no two devices shared a buffer.
 */
export function gridLines(run: Run, look: GridLook): string[] {
  const grid = gridOf(run);
  if (grid === undefined) return [];
  const shown = tables(grid, look.width).map((importers) => table(grid, importers, look));
  const below = [...failedLines(grid), ...grid.absent.map((line) => `no part: ${line}`)];
  return [
    GRID_TITLE,
    ...shown.flatMap((lines) => lines.map((line) => `  ${line}`)),
    ...below.map((line) => `  ${line}`),
  ];
}

function table(grid: Grid, importers: readonly GridDevice[], look: GridLook): string[] {
  const head = ['', ...importers.map(({ label }) => label)];
  const rows = grid.exporters.map(({ address, label }) => [
    label,
    ...importers.map((importer) => {
      const cell = cellAt(grid, address, importer.address);
      return look.paint?.(cellText(cell), cell) ?? cellText(cell);
    }),
  ]);
  return plainTable(head, rows, head.length);
}

/** The importers of each table: as many as fit, and at least one. */
function tables(grid: Grid, width: number): GridDevice[][] {
  const first = Math.max(...grid.exporters.map(({ label }) => label.length));
  const groups: GridDevice[][] = [];
  let room = 0;
  for (const importer of grid.importers) {
    const texts = grid.exporters.map(({ address }) =>
      cellText(cellAt(grid, address, importer.address)),
    );
    const need = GAP + Math.max(importer.label.length, ...texts.map((text) => text.length));
    if (need > room) {
      groups.push([]);
      room = width - GAP - first;
    }
    groups.at(-1)?.push(importer);
    room -= need;
  }
  return groups;
}

function failedLines(grid: Grid): string[] {
  const label = (devices: readonly GridDevice[], address: string) =>
    devices.find((device) => device.address === address)?.label ?? address;
  return grid.cells.flatMap((cell) => {
    if (cell.failed.length === 0) return [];
    const cases = [
      ...new Set(cell.failed.map((id) => oneLine(id.split(/[[@#]/, 1)[0] ?? id, 200))),
    ];
    const left = cases.length - NAMED;
    const pair = `${label(grid.exporters, cell.exporter)} to ${label(grid.importers, cell.importer)}`;
    const more = left > 0 ? ` and ${left} more` : '';
    return [`failed from ${pair}: ${cases.slice(0, NAMED).join(', ')}${more}`];
  });
}
