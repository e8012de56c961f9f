/**
 * Which driver's buffers which other driver takes: a function of the points that have the roles
 * `exporter` and `importer`, whatever their cases check.
 */
import { devicesOf, notRun } from './groups.ts';
import { rolesOfId } from './point-id.ts';
import type { PointRecord, Refusal, Run } from './results.ts';
import { GATING } from './results.ts';
import { oneLine } from './text.ts';

/** What the points of one pair came to. */
export interface GridCell {
  /** Addresses. */
  readonly exporter: string;
  readonly importer: string;
  readonly state: 'works' | 'partly' | 'fails' | 'refused' | 'not run';
  readonly passed: number;
  /** Points that passed, failed or were refused. */
  readonly run: number;
  /** Points that the run did not come to. */
  readonly left: number;
  /** Points that failed as nobody expected. */
  readonly gating: number;
  readonly refusals: readonly CountedRefusal[];
  /** Ids of the points that failed, expected or not. */
  readonly failed: readonly string[];
}

export interface CountedRefusal extends Pick<Refusal, 'by' | 'errno'> {
  readonly points: number;
}

/** Exporters are rows, importers columns; each pair of them has a cell. */
export interface Grid {
  readonly exporters: readonly GridDevice[];
  readonly importers: readonly GridDevice[];
  readonly cells: readonly GridCell[];
  /** Devices that a role did without, and why: they have neither row nor column. */
  readonly absent: readonly string[];
}

/** A device under its driver's name, or under its address where the driver has several here. */
export interface GridDevice {
  readonly address: string;
  readonly label: string;
}

type Side = 'exporter' | 'importer';
type MutableCell = {
  -readonly [K in keyof Omit<GridCell, 'state' | 'refusals'>]: GridCell[K];
} & { failed: string[]; refusals: Map<string, CountedRefusal> };

/** The grid of a run; undefined when no two devices shared a buffer in it. */
export function gridOf(run: Run): Grid | undefined {
  const cells = new Map<string, MutableCell>();
  const lacks = new Map<string, string>();
  for (const point of run.points) {
    const { exporter, importer } = point.devices;
    if (exporter !== undefined && importer !== undefined) {
      countPoint(cellOf(cells, exporter, importer), point);
    } else if (point.verdict === 'skip') {
      noteLack(lacks, point);
    }
  }
  for (const id of [...run.interrupted, ...notRun(run)]) {
    const { exporter, importer } = rolesOfId(id);
    if (exporter !== undefined && importer !== undefined) cellOf(cells, exporter, importer).left++;
  }
  if (cells.size === 0) return undefined;
  // In the order of their names, so that shuffled runs compare line by line.
  const named = [...cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => finished(cell));
  return {
    exporters: devicesNamed(run, named, 'exporter'),
    importers: devicesNamed(run, named, 'importer'),
    cells: named,
    absent: absentLines(run, lacks, named),
  };
}

/** The cell of a pair, also of one that no point is of. */
export function cellAt(grid: Grid, exporter: string, importer: string): GridCell {
  const found = grid.cells.find((cell) => cell.exporter === exporter && cell.importer === importer);
  return found ?? finished(emptyCell(exporter, importer));
}

/** `works`, `partly (31 of 34)`, `importer: ENODEV`; of a run that was cut `works, 3 not run`. */
export function cellText(cell: GridCell): string {
  const left = cell.left > 0 && cell.run > 0 ? `, ${cell.left} not run` : '';
  return `${stateText(cell)}${left}`;
}

function stateText({ state, passed, run, refusals }: GridCell): string {
  switch (state) {
    case 'works':
    case 'not run':
      return state;
    case 'refused':
      return refusals.map(({ by, errno }) => `${by}: ${errno}`).join(', ');
    case 'partly':
    case 'fails':
      return `${state} (${passed} of ${run})`;
  }
}

function emptyCell(exporter: string, importer: string): MutableCell {
  return {
    exporter,
    importer,
    passed: 0,
    run: 0,
    left: 0,
    gating: 0,
    failed: [],
    refusals: new Map(),
  };
}

function cellOf(cells: Map<string, MutableCell>, exporter: string, importer: string): MutableCell {
  const key = `${exporter}\n${importer}`;
  const cell = cells.get(key) ?? emptyCell(exporter, importer);
  cells.set(key, cell);
  return cell;
}

/** What was skipped for any other reason than a refusal tells nothing of the pair. */
function countPoint(cell: MutableCell, point: PointRecord): void {
  const { refusal } = point;
  if (point.verdict === 'skip' && refusal === undefined) return;
  cell.run++;
  if (refusal !== undefined) {
    const key = `${refusal.by}: ${refusal.errno}`;
    const points = (cell.refusals.get(key)?.points ?? 0) + 1;
    cell.refusals.set(key, { by: refusal.by, errno: refusal.errno, points });
  }
  if (GATING.has(point.verdict)) cell.gating++;
  // A pass that nobody expected is a pass of the pair.
  if (point.verdict === 'pass' || point.verdict === 'unexpected-pass') cell.passed++;
  else if (point.verdict !== 'skip') cell.failed.push(point.id);
}

function finished({ refusals, ...cell }: MutableCell): GridCell {
  const refused = [...refusals.values()].reduce((sum, { points }) => sum + points, 0);
  return {
    ...cell,
    state: stateOf(cell, refused),
    refusals: [...refusals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, counted]) => counted),
    failed: [...cell.failed].sort(),
  };
}

function stateOf(cell: Pick<GridCell, 'run' | 'passed'>, refused: number): GridCell['state'] {
  if (cell.run === 0) return 'not run';
  if (cell.passed === cell.run) return 'works';
  if (refused === cell.run) return 'refused';
  return cell.passed === 0 ? 'fails' : 'partly';
}

/** Devices that have played the role in a point that ran or was to run. */
function devicesNamed(run: Run, cells: readonly GridCell[], side: Side): GridDevice[] {
  const addresses = [...new Set(cells.map((cell) => cell[side]))];
  const devices = addresses.map((address) => ({ address, label: labelOf(run, address) }));
  return devices.sort((a, b) => (a.label < b.label ? -1 : 1));
}

function labelOf(run: Run, address: string): string {
  const devices = devicesOf(run);
  const driver = devices.get(address)?.driver;
  if (driver === undefined) return oneLine(address, 40);
  const siblings = [...devices.values()].filter((device) => device.driver === driver);
  return oneLine(siblings.length > 1 ? address : driver, 40);
}

/** A skip of the plan names only the role and device that it is about. */
function noteLack(lacks: Map<string, string>, { devices, skip, reason }: PointRecord): void {
  for (const side of ['exporter', 'importer'] as const) {
    const address = devices[side];
    if (address === undefined || lacks.has(`${side} ${address}`)) continue;
    lacks.set(`${side} ${address}`, oneLine(`${skip}: ${reason ?? ''}`, 200));
  }
}

/** One line for devices that lack the same: a machine may have many ports of one driver. */
function absentLines(
  run: Run,
  lacks: ReadonlyMap<string, string>,
  cells: readonly GridCell[],
): string[] {
  const lines = new Map<string, string[]>();
  for (const [key, why] of lacks) {
    const [side = '', address = ''] = key.split(' ', 2);
    if (cells.some((cell) => cell[side as Side] === address)) continue;
    const line = `as ${side}: ${why}`;
    lines.set(line, [...(lines.get(line) ?? []), labelOf(run, address)]);
  }
  return [...lines].map(([line, labels]) => `${labels.join(', ')} ${line}`);
}
