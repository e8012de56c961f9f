/** Text for the terminal. Pure: what decides about colour is asked once, by the caller. */
import { styleText } from 'node:util';
import { evidenceLines } from './evidence.ts';
import { expectationLines, otherNotes } from './expectations.ts';
import { reasonLine, ruleLines, stepLines } from './failure-text.ts';
import type { GridCell } from './grid.ts';
import { gridLines } from './grid-text.ts';
import type { PointRecord, Run, Verdict } from './results.ts';
import { GATING, VERDICTS } from './results.ts';
import { plainTable } from './table.ts';
import { oneLine, plainText } from './text.ts';
import { type Counts, countColumns, countsLine, countTotals } from './totals.ts';

export interface ConsoleStyle {
  readonly color: boolean;
}

type Format = Parameters<typeof styleText>[0];

const COLORS: Readonly<Record<Verdict | 'interrupted', Format>> = {
  pass: 'green',
  'expected-fail': 'yellow',
  skip: 'gray',
  flake: 'yellow',
  'unexpected-pass': 'magenta',
  unhealthy: 'magenta',
  fail: 'red',
  hang: ['bold', 'red'],
  crash: ['bold', 'red'],
  interrupted: ['bold', 'red'],
};
const WORD_WIDTH = Math.max(...VERDICTS.map((verdict) => verdict.length));
/** Log lines repeated with a failure; the reports hold all. */
const LOG_LINES_SHOWN = 5;
const GRID_WIDTH = 110;

/** Colour goes to terminals only, and not where the user said NO_COLOR (https://no-color.org). */
export function wantsColor(
  stream: { readonly isTTY?: boolean },
  environment: NodeJS.ProcessEnv = process.env,
): boolean {
  return stream.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
}

/** One judged point on one line: verdict, id, milliseconds, and why it is not a pass. */
export function pointLine(point: PointRecord, style: ConsoleStyle): string {
  const word = paint(point.verdict.padEnd(WORD_WIDTH), COLORS[point.verdict], style);
  const skip = point.verdict === 'skip' && point.skip ? `${point.skip}: ` : '';
  const reason = point.verdict === 'pass' ? '' : `  ${skip}${reasonLine(point)}`;
  return `${word}  ${oneLine(point.id, 1000)}  ${Math.round(point.durationMs)} ms${reason}`;
}

/** Points by area and verdict as a table, without a newline at its end; verdicts that did not occur are left out. */
export function totals(run: Run): string {
  const counted = countTotals(run);
  const columns = countColumns(counted);
  const cells = (counts: Counts) => columns.map(({ count }) => String(count(counts) || '-'));
  const rows = counted.areas.map((area) => [oneLine(area.area, 40), ...cells(area)]);
  const head = ['area', ...columns.map(({ name }) => name)];
  return plainTable(head, [...rows, ['all', ...cells(counted)]], 1).join('\n');
}

/** Everything that gates once more, with what is needed to understand and repeat it; empty when nothing does. */
export function failures(run: Run, style: ConsoleStyle): string {
  const judged = run.points
    .filter((point) => GATING.has(point.verdict))
    .map((point) => failureBlock(point, style));
  const interrupted = run.interrupted.map((id) => {
    const word = paint('interrupted', COLORS.interrupted, style);
    return `${word} ${oneLine(id, 1000)}\n  the run ended while this point ran`;
  });
  return [...judged, ...interrupted].join('\n\n');
}

function failureBlock(point: PointRecord, style: ConsoleStyle): string {
  const signs = (point.kernelLog ?? []).filter((line) => line.sign);
  const lines = [
    point.title,
    ...(point.reason ? [point.reason] : []),
    ...(point.failure ? stepLines(point.failure) : []),
    ...(point.investigation ? [`run again: it ${point.investigation}`] : []),
    ...ruleLines(point),
    ...signs.slice(0, LOG_LINES_SHOWN).map((line) => `kernel: ${oneLine(line.text)}`),
    `reproduce: ${point.reproduce}`,
  ];
  const word = paint(point.verdict, COLORS[point.verdict], style);
  const body = lines.flatMap((line) => plainText(line).split('\n')).map((line) => `  ${line}`);
  return [`${word} ${oneLine(point.id, 1000)}`, ...body].join('\n');
}

/** What the run has shown of each provider, and where; empty when it met none. */
export function evidenceTable(run: Run): string {
  return evidenceLines(run).join('\n');
}

/** Who takes whose buffers; empty when no two devices shared one. */
export function gridTable(run: Run, style: ConsoleStyle): string {
  const paintCell = (text: string, cell: GridCell) => paint(text, cellFormat(cell), style);
  return gridLines(run, { width: GRID_WIDTH, paint: paintCell }).join('\n');
}

function cellFormat({ state, gating }: GridCell): Format {
  if (gating > 0) return 'red';
  if (state === 'works') return 'green';
  return state === 'partly' || state === 'fails' ? 'yellow' : 'gray';
}

/** What is to be mended in the expectations; empty when all are in order. */
export function expectations(run: Run): string {
  const lines = expectationLines(run);
  return lines.length === 0 ? '' : ['expectations', ...lines.map((line) => `  ${line}`)].join('\n');
}

/** The end of a run: totals, evidence, notes, expectations, failures, and the counts as the last line. */
export function runReport(run: Run, style: ConsoleStyle): string {
  const notes = otherNotes(run)
    .map((note) => `note: ${oneLine(note)}`)
    .join('\n');
  const parts = [
    totals(run),
    evidenceTable(run),
    gridTable(run, style),
    notes,
    expectations(run),
    failures(run, style),
  ];
  const counts = countTotals(run);
  const gates = counts.gating + counts.interrupted > 0;
  const last = paint(countsLine(counts), gates ? 'red' : 'green', style);
  return `${[...parts, last].filter((part) => part !== '').join('\n\n')}\n`;
}

function paint(text: string, format: Format, style: ConsoleStyle): string {
  return style.color ? styleText(format, text, { validateStream: false }) : text;
}
