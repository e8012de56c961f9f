/**
 * The run as plain text of 72 columns, to be pasted below a patch or into a cover letter. No line
 * begins with what git or a mail reader takes for its own (`---`, `diff`, `#`, `>`, `From`).
 */
import { type Cause, knownCauses, skipCauses } from './causes.ts';
import { commandLines, withoutOptions } from './command-text.ts';
import { evidenceLines } from './evidence.ts';
import { expectationLines, otherNotes } from './expectations.ts';
import { reasonLine, stepLine } from './failure-text.ts';
import { gridLines } from './grid-text.ts';
import { devicesOf } from './groups.ts';
import type { DeviceRecord, PointRecord, Run, TargetRecord } from './results.ts';
import { GATING, SKIP_CLASSES } from './results.ts';
import { endText } from './run-problem.ts';
import { shellWord } from './shell-word.ts';
import { plainTable } from './table.ts';
import { oneLine, plainText, utcSeconds, wrap } from './text.ts';
import { type Counts, countsLine, countTotals, type Totals } from './totals.ts';

const WIDTH = 72;
const NOT_AT_BEGIN = /^(---|diff |Index|From |[#>])/;
/** What is shown of each list; the rest is counted. A summary is read in a mail. */
const DEVICES_SHOWN = 4;
const AREAS_SHOWN = 11;
const SKIPS_SHOWN = 4;
const NOTES_SHOWN = 4;
const KNOWN_SHOWN = 5;
const EVIDENCE_SHOWN = 6;
const GRID_SHOWN = 30;
const FAILURES_SHOWN = 20;
/** Leaves the table of providers room for all its numbers. */
const NARROW = { limit: 21, isNarrow: true };
const EXPECTATIONS_SHOWN = 4;

/** The summary, which ends with a newline. */
export function summary(run: Run): string {
  const totals = countTotals(run);
  const sections = [
    headLines(run, totals),
    areaTable(totals),
    failureLines(run),
    knownLines(run),
    expectationSection(run),
    noteLines(run),
    skipLines(run),
    shorten(evidenceLines(run, NARROW), EVIDENCE_SHOWN + 1, 'providers'),
    shorten(gridLines(run, { width: WIDTH }), GRID_SHOWN, 'lines'),
  ];
  const blocks = sections.filter((lines) => lines.length > 0).map(fit);
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function headLines(run: Run, totals: Totals): string[] {
  const { suite, target, startedAt } = run.run;
  const kernels = [...new Set(run.targets.map(kernelText))];
  const devices = devicesAtWork(run).map((device) => {
    const version = device.identity['version'];
    return `device   ${device.address} (${device.driver}${version ? ` ${version}` : ''})`;
  });
  return [
    `uapi-conform ${suite.version} (${suite.commit}), ${utcSeconds(startedAt) ?? startedAt}`,
    `kernel   ${kernels.join(', ') || 'unknown'}; target ${target}`,
    `command  ${oneLine(askedFor(run).map(shellWord).join(' '))}`,
    ...shorten(devices, DEVICES_SHOWN, 'devices'),
    `result   ${countsLine(totals)}${endText(run)}`,
  ];
}

/** Where any point ran; all that were found where none did. */
function devicesAtWork(run: Run): readonly DeviceRecord[] {
  const ran = run.points.filter((point) => point.verdict !== 'skip');
  const used = new Set(ran.flatMap((point) => Object.values(point.devices)));
  const all = [...devicesOf(run).values()];
  return used.size === 0 ? all : all.filter((device) => used.has(device.address));
}

/** The command line, without what tells nothing here; a merged run has that of its first part. */
function askedFor({ run: { commandLine, shard } }: Run): readonly string[] {
  const silent = ['--output', '--format', ...(shard === undefined ? ['--shard'] : [])];
  return withoutOptions(commandLine, new Set(silent));
}

/** What was tainted before the first point, or was run without root, is to be judged with care. */
function kernelText({ kernel, machine, taint, privileged }: TargetRecord): string {
  return `${kernel} ${machine}${taint === 0 ? '' : `, taint ${taint}`}${privileged ? '' : ', not as root'}`;
}

/** Verdicts that gate stand in one column: which they are is said with each failure. */
function areaTable(totals: Totals): string[] {
  if (totals.areas.length === 0) return [];
  const head = ['area', 'points', 'pass', 'fail', 'xfail', 'flake', 'skip', 'not run'];
  const rows = totals.areas.map((area) => [oneLine(area.area, 23), ...areaCells(area)]);
  const [title, ...lines] = plainTable(head, [...rows, ['all', ...areaCells(totals)]], 1);
  const all = lines.pop();
  return [title ?? '', ...shorten(lines, AREAS_SHOWN, 'areas'), all ?? ''];
}

function areaCells(counts: Counts): string[] {
  const { pass, 'expected-fail': xfail, flake, skip } = counts.verdicts;
  const ended = counts.interrupted + counts.notRun;
  return [counts.points, pass, counts.gating, xfail, flake, skip, ended].map((count) =>
    count ? String(count) : '-',
  );
}

function failureLines(run: Run): string[] {
  const failures = [
    ...run.points.filter((point) => GATING.has(point.verdict)).map(failureEntry),
    ...run.interrupted.map((id) => [`  interrupted ${oneLine(id, 500)}`]),
  ];
  if (failures.length === 0) return [];
  const left = failures.length - FAILURES_SHOWN;
  return [
    'failures',
    ...failures.slice(0, FAILURES_SHOWN).flat(),
    ...(left > 0 ? [`  and ${left} more`] : []),
    ...againLines(run),
  ];
}

/** How to run the first failure again; the others differ in id and devices. */
function againLines(run: Run): string[] {
  const first = run.points.find((point) => GATING.has(point.verdict));
  if (first === undefined) return [];
  return ['  the first one again:', ...commandLines(oneLine(first.reproduce, 1000), WIDTH, 4)];
}

function failureEntry(point: PointRecord): string[] {
  const why = point.failure ? oneLine(stepLine(point.failure), 200) : reasonLine(point, 200);
  const rules = point.rules.map((rule) => rule.id).join(' ');
  return [
    `  ${point.verdict} ${oneLine(point.id, 500)}`,
    `    ${why}${rules ? ` (${oneLine(rules, 80)})` : ''}`,
  ];
}

/** What the driver is known to break, by entry. */
function knownLines(run: Run): string[] {
  const lines = knownCauses(run).map(({ reason, points }) => {
    return countLine(points, oneLine(reason, 200));
  });
  return lines.length === 0 ? [] : ['known failures', ...shorten(lines, KNOWN_SHOWN, 'entries')];
}

/** Passes that nobody expected stand among the failures already. */
function expectationSection(run: Run): string[] {
  const lines = expectationLines({ ...run, points: [] }).map((line) => `  ${oneLine(line, 200)}`);
  if (lines.length === 0) return [];
  return ['expectations', ...shorten(lines, EXPECTATIONS_SHOWN, 'remarks')];
}

/** What was not watched, or went wrong beside the points: a pass means less without it. */
function noteLines(run: Run): string[] {
  const lines = [...new Set(otherNotes(run))].map((note) => `  ${oneLine(note, 200)}`);
  return lines.length === 0 ? [] : ['notes', ...shorten(lines, NOTES_SHOWN, 'notes')];
}

/** Skips by class and cause, the most frequent first. */
function skipLines(run: Run): string[] {
  const causes = skipCauses(run);
  const lines = causes.map(({ kind, reason, points }) => {
    const why = oneLine(reason, 120);
    return countLine(points, kind === why ? why : `${kind}: ${why}`);
  });
  if (lines.length === 0) return [];
  return [`skips: ${skipClasses(causes)}`, ...shorten(lines, SKIPS_SHOWN, 'causes')];
}

/** `12 no-feature, 3 no-device`: all of them, where most causes are left out. */
function skipClasses(causes: readonly Cause[]): string {
  const counts = SKIP_CLASSES.map((name) => ({
    name,
    count: causes.flatMap(({ kind, points }) => (kind === name ? points : [])).length,
  }));
  const said = counts.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
  return said.map(({ name, count }) => `${count} ${name}`).join(', ');
}

function countLine(points: readonly PointRecord[], text: string): string {
  return `  ${String(points.length).padStart(5)} ${text}`;
}

function shorten(lines: readonly string[], limit: number, what: string): string[] {
  if (lines.length <= limit) return [...lines];
  return [...lines.slice(0, limit - 1), `  and ${lines.length - limit + 1} more ${what}`];
}

/** Lines that are too long go on below, indented further than they began. */
function fit(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const clean = plainText(line).replace(/\s/g, ' ').replace(NOT_AT_BEGIN, ' $&').trimEnd();
    const lead = clean.length - clean.trimStart().length;
    return wrap(clean, WIDTH, ' '.repeat(lead + 4));
  });
}
