/**
 * KTAP version 1, as Documentation/dev-tools/ktap.rst of the kernel describes it: one test per
 * provider and area with the points nested in it, so that the tools for KUnit and kselftest read it.
 */
import { failureText, reasonLine } from './failure-text.ts';
import { gridLines } from './grid-text.ts';
import { devicesOfGroup, type Entry, type Group, groupPoints } from './groups.ts';
import type { PointRecord, Run } from './results.ts';
import { RUN_SUITE, RUN_TEST, runProblem } from './run-problem.ts';
import { oneLine, plainText } from './text.ts';

/** Characters of diagnostics for one point: this format is read on consoles. */
const DIAGNOSTICS_LIMIT = 16 * 1024;

const GRID_WIDTH = 100;

interface ResultLine {
  readonly ok: boolean;
  /** A directive of KTAP and its text, or diagnostic data that begins with no directive. */
  readonly note?: string;
}

/** The run as a KTAP document, which ends with a newline. */
export function ktap(run: Run): string {
  const groups = groupPoints(run);
  const problem = runProblem(run);
  const count = groups.length + (problem === undefined ? 0 : 1);
  const lines = ['KTAP version 1', `1..${count}`, ...headerLines(run)];
  groups.forEach((group, index) => {
    for (const line of groupLines(run, group)) lines.push(`  ${line}`);
    lines.push(resultText(groupResult(group), index + 1, `${group.provider}.${group.area}`));
  });
  if (problem !== undefined) lines.push(...runLines(problem, count));
  return `${lines.join('\n')}\n`;
}

/** That the run itself is no success, as the last of all tests. */
function runLines(problem: string, number: number): string[] {
  const result = { ok: false, note: `ERROR ${problem}` };
  return [
    '  KTAP version 1',
    '  1..1',
    `  ${resultText(result, 1, RUN_TEST)}`,
    resultText({ ok: false }, number, RUN_SUITE),
  ];
}

function headerLines(run: Run): string[] {
  const { suite, target } = run.run;
  const kernels = [...new Set(run.targets.map((t) => `${t.kernel} ${t.machine}`))];
  return diagnostics([
    `uapi-conform ${suite.version} (${suite.commit})`,
    `target: ${target}`,
    ...kernels.map((kernel) => `kernel: ${kernel}`),
    ...run.notes.map((note) => `note: ${note}`),
    ...gridLines(run, { width: GRID_WIDTH }),
  ]);
}

function groupLines(run: Run, group: Group): string[] {
  const devices = devicesOfGroup(run, group).map((d) => `device: ${d.address} ${d.driver}`);
  return [
    'KTAP version 1',
    `1..${group.entries.length}`,
    ...diagnostics(devices),
    ...group.entries.flatMap((entry, index) => [
      ...entryDiagnostics(entry),
      resultText(entryResult(entry), index + 1, entry.id),
    ]),
  ];
}

/** What precedes a result line: everything for a point that gates or was expected to fail. */
function entryDiagnostics(entry: Entry): string[] {
  if (entry.kind !== 'judged') return [];
  const { verdict } = entry.point;
  if (verdict === 'pass' || verdict === 'skip') return [];
  return diagnostics([failureText(entry.point, DIAGNOSTICS_LIMIT)]);
}

function entryResult(entry: Entry): ResultLine {
  switch (entry.kind) {
    case 'judged':
      return pointResult(entry.point);
    case 'interrupted':
      return { ok: false, note: 'ERROR the run ended while this point ran' };
    case 'not-run':
      return { ok: true, note: 'SKIP not run' };
  }
}

function pointResult(point: PointRecord): ResultLine {
  const reason = reasonLine(point, 200);
  switch (point.verdict) {
    case 'pass':
      return { ok: true };
    case 'expected-fail':
      return { ok: true, note: `XFAIL ${reason}` };
    // The nearest directive: it ran and failed, which is known and does not gate.
    case 'flake':
      return { ok: true, note: `XFAIL flake: ${reason}` };
    case 'skip':
      return { ok: true, note: `SKIP ${point.skip ? `${point.skip}: ` : ''}${reason}` };
    case 'hang':
      return { ok: false, note: `TIMEOUT ${reason}` };
    case 'crash':
      return { ok: false, note: `ERROR crash: ${reason}` };
    // The word before the reason keeps a reason that begins with "skip" from being a directive.
    case 'unexpected-pass':
    case 'unhealthy':
    case 'fail':
      return { ok: false, note: `${point.verdict}: ${reason}` };
  }
}

/** A group fails with any of its points and is skipped when all of them are. */
function groupResult(group: Group): ResultLine {
  const results = group.entries.map(entryResult);
  if (results.some((result) => !result.ok)) return { ok: false };
  const skipped = results.every((result) => result.note?.startsWith('SKIP'));
  return skipped ? { ok: true, note: 'SKIP no point of it ran' } : { ok: true };
}

function resultText(result: ResultLine, number: number, description: string): string {
  // A description may hold no '#'; in the text behind it a further ' # SKIP' would be read as one.
  const name = oneLine(description, 1000).replaceAll('#', '%23');
  const note = result.note ? ` # ${result.note.replaceAll('#', '\\#')}` : '';
  return `${result.ok ? 'ok' : 'not ok'} ${number} ${name}${note}`;
}

function diagnostics(texts: readonly string[]): string[] {
  return texts.flatMap((text) =>
    plainText(text)
      .split(/[\n\u2028\u2029]/)
      .map((line) => `# ${line}`.trimEnd()),
  );
}
