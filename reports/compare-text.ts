import {
  type Change,
  type Comparison,
  type Difference,
  TIME_NOISE,
  type TimeChange,
} from './compare.ts';
import { oneLine } from './text.ts';

/** Times beyond this many are counted: new failures are what a reader looks for. */
const TIMES_SHOWN = 20;
/** Rises when a reader of older documents would misread a newer one. */
const DOCUMENT_VERSION = 1;

/** A comparison for people; ends with a newline. Lists that are empty are left out. */
export function comparisonText(comparison: Comparison): string {
  const sections = [
    section('differences between the runs', comparison.differences.map(differenceLine)),
    section('new failures', comparison.newFailures.flatMap(changeLines)),
    section('new passes against their entry', comparison.unexpectedPasses.flatMap(changeLines)),
    section('fixed', comparison.fixed.flatMap(changeLines)),
    section('new skips', comparison.newSkips.flatMap(changeLines)),
    section('other changes of verdict', comparison.changed.flatMap(changeLines)),
    section('points that are gone', comparison.gone.flatMap(changeLines)),
    section('points that are new', comparison.added.flatMap(changeLines)),
    section(`slower (${noiseText()})`, timeLines(comparison.slower)),
    section(`faster (${noiseText()})`, timeLines(comparison.faster)),
    [countsLine(comparison)],
  ];
  const shown = sections.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
  return `${shown.join('\n\n')}\n`;
}

/** A comparison for programs; ends with a newline. */
export function comparisonJson(comparison: Comparison): string {
  const head = { format: 'uapi-conform comparison', version: DOCUMENT_VERSION };
  return `${JSON.stringify({ ...head, noise: TIME_NOISE, ...comparison }, undefined, 2)}\n`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
}

function differenceLine(difference: Difference): string {
  return `${oneLine(difference.what)}: ${oneLine(difference.old)} -> ${oneLine(difference.new)}`;
}

function changeLines(change: Change): string[] {
  const states = `${change.old ?? 'absent'} -> ${change.new ?? 'absent'}`;
  const why = change.reason ? [`  ${oneLine(change.reason)}`] : [];
  return [`${oneLine(change.id, 1000)}: ${states}`, ...why];
}

function timeLines(times: readonly TimeChange[]): string[] {
  const lines = times.slice(0, TIMES_SHOWN).map(({ id, oldMs, newMs }) => {
    return `${oneLine(id, 1000)}: ${Math.round(oldMs)} ms -> ${Math.round(newMs)} ms`;
  });
  const left = times.length - lines.length;
  return left > 0 ? [...lines, `and ${left} more`] : lines;
}

function noiseText(): string {
  const { ratio, differenceMs } = TIME_NOISE;
  return `more than ${ratio} times and ${differenceMs} ms`;
}

function countsLine(comparison: Comparison): string {
  const { newFailures, unexpectedPasses, fixed, newSkips, changed, gone, added } = comparison;
  const counts: readonly (readonly [number, string])[] = [
    [newFailures.length, 'new failures'],
    [unexpectedPasses.length, 'new passes against their entry'],
    [fixed.length, 'fixed'],
    [newSkips.length, 'new skips'],
    [changed.length, 'other changes'],
    [gone.length, 'gone'],
    [added.length, 'new'],
    [comparison.stillFailing, 'still failing'],
    [comparison.unchanged, 'unchanged'],
  ];
  const said = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return said.join(', ') || 'no point in either run';
}
