/** What the page of a run shows, as the templates in `html/` take it. */

import { knownCauses, skipCauses } from './causes.ts';
import { expectationLines, otherNotes } from './expectations.ts';
import { failureText } from './failure-text.ts';
import { gridOf } from './grid.ts';
import { devicesOf, groupPoints } from './groups.ts';
import { casesTable, type SuiteView, suiteTitle } from './html-cases.ts';
import { areaTable, causeTable, evidenceTable, gridTable, type Table } from './html-tables.ts';
import type { DeviceRecord, Run } from './results.ts';
import { GATING } from './results.ts';
import { endText, runProblem } from './run-problem.ts';
import { oneLine, utcSeconds } from './text.ts';
import { countsLine, countTotals } from './totals.ts';

export interface HtmlView {
  readonly title: string;
  readonly result: string;
  readonly isSuccess: boolean;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly failures: readonly FailureView[];
  readonly tables: readonly (Table & { readonly title: string })[];
  readonly lists: readonly { readonly title: string; readonly lines: readonly string[] }[];
  readonly suites: readonly SuiteView[];
}

interface FailureView {
  readonly verdict: string;
  readonly id: string;
  readonly text: string;
  readonly isOpen: boolean;
}

/** Characters of all failures together: a page of more is read by nobody. */
const FAILURE_TEXT = 8 * 1024 * 1024;
const FAILURE_LIMIT = 64 * 1024;
const OPEN_FAILURES = 10;

export function htmlView(run: Run): HtmlView {
  const totals = countTotals(run);
  const grid = gridOf(run);
  const tables = [
    { title: 'Areas', ...areaTable(totals) },
    { title: 'What was shown of each provider', ...evidenceTable(run) },
    { title: 'Known deviations', ...causeTable(knownCauses(run)) },
    { title: 'Not run', ...causeTable(skipCauses(run)) },
    {
      title: 'Buffers of one driver in another: exporters down, importers across',
      ...gridTable(grid),
    },
  ];
  const lists = [
    { title: 'Devices', lines: [...devicesOf(run).values()].map(deviceLine) },
    { title: 'Notes', lines: [...new Set(otherNotes(run))].map((note) => oneLine(note)) },
    { title: 'Expectations', lines: expectationLines(run) },
    { title: 'No part in the grid', lines: grid?.absent ?? [] },
  ];
  return {
    title: `uapi-conform: ${kernels(run) || 'no kernel'}`,
    result: `${countsLine(totals)}${endText(run)}`,
    isSuccess: totals.gating === 0 && runProblem(run) === undefined,
    facts: facts(run),
    failures: failures(run),
    tables: tables.filter(({ rows }) => rows.length > 0),
    lists: lists.filter(({ lines }) => lines.length > 0),
    suites: groupPoints(run).map((group) => ({ ...suiteTitle(group), table: casesTable(group) })),
  };
}

function kernels(run: Run): string {
  const names = run.targets.map(({ kernel, machine }) => oneLine(`${kernel} ${machine}`));
  return [...new Set(names)].join(', ');
}

function facts({ run, targets, end }: Run): [string, string][] {
  const { suite, startedAt, commandLine, target } = run;
  const versions = [...new Set(targets.map(({ kernelVersion }) => kernelVersion))];
  const taints = [...new Set(targets.map(({ taint }) => String(taint)))];
  const users = [...new Set(targets.map(({ privileged }) => (privileged ? 'root' : 'not root')))];
  return [
    ['suite', `${suite.version} (${suite.commit})`],
    ['target', target],
    ['kernel build', versions.join('; ')],
    ['taint', taints.join(', ')],
    ['user', users.join(', ')],
    ['command', commandLine.join(' ')],
    ['begin', utcSeconds(startedAt) ?? startedAt],
    ['end', end === undefined ? 'none' : (utcSeconds(end.at) ?? end.at)],
  ].map(([name = '', value = '']) => [name, oneLine(value, 2000)]);
}

function deviceLine({ address, driver, node, identity }: DeviceRecord): string {
  const known = Object.entries(identity).map(([name, value]) => `${name} ${value}`);
  return oneLine(
    [`${address} (${driver})`, node, ...known].filter((word) => word !== '').join(', '),
  );
}

function failures(run: Run): FailureView[] {
  const gating = run.points.filter(({ verdict }) => GATING.has(verdict));
  const isOpen = gating.length <= OPEN_FAILURES;
  const limit = Math.min(FAILURE_LIMIT, Math.floor(FAILURE_TEXT / Math.max(gating.length, 1)));
  return [
    ...gating.map((point) => ({
      verdict: point.verdict,
      id: oneLine(point.id, 1000),
      text: failureText(point, limit),
      isOpen,
    })),
    ...run.interrupted.map((id) => ({
      verdict: 'interrupted',
      id: oneLine(id, 1000),
      text: 'The run ended while this point ran.',
      isOpen,
    })),
  ];
}
