/**
 * JUnit XML, as CI systems read it: one suite per provider and area, one test case per point. The
 * format is described by `junit.xsd` beside this file.
 */
import junit, { type Builder, type TestCase, type TestSuite } from 'junit-report-builder';
import { failureText, reasonLine } from './failure-text.ts';
import { cellAt, cellText, gridOf } from './grid.ts';
import { devicesOfGroup, type Entry, type Group, groupPoints } from './groups.ts';
import type { PointRecord, Run, Verdict } from './results.ts';
import { RUN_SUITE, RUN_TEST, runProblem } from './run-problem.ts';
import { oneLine, utcSeconds } from './text.ts';

type XmlElement = ReturnType<TestCase['build']>;

/** Characters of failure text in one report; the journal keeps what does not fit. */
const TEXT_BUDGET = 64 * 1024 * 1024;
const TEXT_MIN = 4 * 1024;
/** Far below the 10 MB at which libxml2 refuses a text node. */
const TEXT_MAX = 256 * 1024;
/** Notes are repeated in every suite. */
const NOTES_SHOWN = 10;

/** As the library writes them; nothing else in a document looks like these. */
const CASE_BEGIN = '\n    <testcase ';
const SUITE_END = '\n  </testsuite>';
/** The library holds all that it builds in memory, so it builds no more than this at a time. */
const CASES_AT_ONCE = 500;

/** The run as a JUnit document. Valid XML 1.0 whatever bytes a kernel log held. */
export function junitXml(run: Run): string {
  return [...junitPieces(run)].join('');
}

/** The same piece by piece, so that a document of many points is never in memory whole. */
export function* junitPieces(run: Run): Generator<string> {
  const groups = groupPoints(run);
  const limit = textLimit(run);
  const [begin = '', ...suiteEnds] = documentWithoutCases(run, groups).split(SUITE_END);
  yield begin;
  for (const [index, group] of groups.entries()) {
    for (let from = 0; from < group.entries.length; from += CASES_AT_ONCE) {
      const entries = group.entries.slice(from, from + CASES_AT_ONCE);
      yield casesText(run, { ...group, entries }, limit);
    }
    yield `${SUITE_END}${suiteEnds[index] ?? ''}`;
  }
  for (const rest of suiteEnds.slice(groups.length)) yield `${SUITE_END}${rest}`;
}

function documentWithoutCases(run: Run, groups: readonly Group[]): string {
  const builder = newBuilder().name('uapi-conform');
  for (const group of groups) {
    const suite = builder.testSuite();
    describeSuite(suite, run, group);
    const count = (kind: CaseElement) =>
      group.entries.filter((entry) => elementOf(entry) === kind).length;
    suite.getTestCaseCount = () => group.entries.length;
    suite.getFailureCount = () => count('failure');
    suite.getErrorCount = () => count('error');
    suite.getSkippedCount = () => count('skipped');
  }
  const problem = runProblem(run);
  if (problem !== undefined) addRunSuite(builder.testSuite(), run, problem);
  return builder.build();
}

/** That the run itself is no success: behind the suites of its points, of which there may be none. */
function addRunSuite(suite: TestSuite, run: Run, problem: string): void {
  describeSuite(suite, run, { provider: 'uapi-conform', area: RUN_SUITE, entries: [] });
  suite.name(RUN_SUITE);
  suite.getErrorCount = () => 1;
  const testCase = suite.testCase().className(`uapi-conform.${RUN_SUITE}`).name(RUN_TEST).time(0);
  conclude(testCase, 'error', { message: problem, type: 'incomplete' }, problem);
}

function casesText(run: Run, group: Group, limit: number): string {
  const builder = newBuilder();
  const suite = builder.testSuite();
  for (const entry of group.entries) {
    const testCase = suite
      .testCase()
      .className(oneLine(`uapi-conform.${group.provider}.${group.area}`))
      .name(oneLine(entry.id, 1000) || 'unnamed');
    fillCase(testCase, entry, run, limit);
  }
  const text = builder.build();
  return text.slice(text.indexOf(CASE_BEGIN), text.lastIndexOf(SUITE_END));
}

/** What says in a test case that it did not pass. */
type CaseElement = 'failure' | 'error' | 'skipped';

const ELEMENTS: Readonly<Record<Verdict, CaseElement | undefined>> = {
  pass: undefined,
  'expected-fail': 'skipped',
  skip: 'skipped',
  flake: 'skipped',
  'unexpected-pass': 'failure',
  unhealthy: 'failure',
  fail: 'failure',
  hang: 'error',
  crash: 'error',
};

function elementOf(entry: Entry): CaseElement | undefined {
  switch (entry.kind) {
    case 'judged':
      return ELEMENTS[entry.point.verdict];
    case 'interrupted':
      return 'error';
    case 'not-run':
      return 'skipped';
  }
}

/** Many failures get less text each: no CI system opens a report of gigabytes. */
function textLimit(run: Run): number {
  const failures = run.points.filter((point) => point.verdict !== 'pass').length;
  const share = Math.floor(TEXT_BUDGET / Math.max(1, failures));
  return Math.min(TEXT_MAX, Math.max(TEXT_MIN, share));
}

function fillCase(testCase: TestCase, entry: Entry, run: Run, limit: number): void {
  switch (entry.kind) {
    case 'judged':
      testCase.time(seconds(entry.point.durationMs));
      fillJudged(testCase, entry.point, limit);
      break;
    case 'interrupted': {
      const message = 'the run ended while this point ran';
      const why = oneLine(run.end?.reason ?? 'the journal has no end');
      testCase.time(0);
      conclude(testCase, 'error', { message, type: 'interrupted' }, `${message}\n${why}`);
      break;
    }
    case 'not-run':
      testCase.time(0);
      skip(testCase, 'not run', 'not run: the run ended before this point');
      break;
  }
}

function fillJudged(testCase: TestCase, point: PointRecord, limit: number): void {
  const message = reasonLine(point);
  const type = point.verdict;
  switch (type) {
    case 'pass':
      break;
    case 'fail':
    case 'unhealthy':
    case 'unexpected-pass':
    case 'crash':
    case 'hang': {
      const attributes = { message: type === 'fail' ? message : `${type}: ${message}`, type };
      const element = type === 'crash' || type === 'hang' ? 'error' : 'failure';
      conclude(testCase, element, attributes, failureText(point, limit));
      break;
    }
    case 'skip': {
      const reason = point.skip ? `${point.skip}: ${message}` : message;
      skip(testCase, reason, reason);
      break;
    }
    case 'expected-fail':
    case 'flake':
      // JUnit has no state for them. A passed case would hide that the kernel is wrong, and the day it
      // is mended; a failure would gate. Skipped is what other suites write, and it keeps the reason.
      skip(testCase, `${type}: ${message}`, failureText(point, limit));
      break;
  }
}

/** The reason stands twice: several readers show only the attribute, others only the output. */
function skip(testCase: TestCase, message: string, text: string): void {
  addElements(testCase, (element) => {
    element.ele('skipped', { message });
    element.ele('system-out').txt(text);
  });
}

function conclude(
  testCase: TestCase,
  name: 'failure' | 'error',
  attributes: { readonly message: string; readonly type: string },
  text: string,
): void {
  addElements(testCase, (element) => element.ele(name, attributes).txt(text));
}

/**
 * Adds elements to a case where the library builds it. Its own methods will not do: `skipped()` takes
 * no reason, and texts become CDATA of which only the first `]]>` is split (5.1.2), so that a second
 * one makes the document invalid. Escaped text has no such end.
 */
function addElements(testCase: TestCase, add: (element: XmlElement) => void): void {
  const build = testCase.build.bind(testCase);
  testCase.build = (parent) => {
    const element = build(parent);
    add(element);
    return element;
  };
}

function describeSuite(suite: TestSuite, run: Run, group: Group): void {
  const judged = group.entries.flatMap((entry) => (entry.kind === 'judged' ? [entry.point] : []));
  const began = judged.map((point) => point.at).sort()[0] ?? '';
  const durationMs = judged.reduce((sum, point) => sum + point.durationMs, 0);
  suite.name(oneLine(`${group.provider}.${group.area}`)).time(seconds(durationMs));
  const timestamp = utcSeconds(began) ?? utcSeconds(run.run.startedAt);
  if (timestamp) suite.timestamp(timestamp);
  for (const [name, value] of suiteProperties(run, group)) {
    suite.property(oneLine(name), oneLine(value, 1000));
  }
}

/** What a reader must know to compare the suite with another run's. */
function suiteProperties(run: Run, group: Group): [string, string][] {
  const devices = devicesOfGroup(run, group);
  const unique = (values: readonly string[]): string => [...new Set(values)].join(', ');
  return [
    ['suite.version', run.run.suite.version],
    ['suite.commit', run.run.suite.commit],
    ['target', run.run.target],
    ['kernel', unique(run.targets.map((target) => target.kernel))],
    ['kernel.version', unique(run.targets.map((target) => target.kernelVersion))],
    ['machine', unique(run.targets.map((target) => target.machine))],
    ['outcome', run.end?.outcome ?? 'interrupted'],
    ['command', run.run.commandLine.join(' ')],
    ...(run.run.seed === undefined ? [] : [pair('seed', String(run.run.seed))]),
    ...run.notes.slice(0, NOTES_SHOWN).map((note) => pair('note', note)),
    ['provider', group.provider],
    ['driver', unique(devices.map((device) => device.driver))],
    ['devices', unique(devices.map((device) => device.address))],
    ...devices.flatMap((device) =>
      Object.entries(device.identity).map(([key, value]) =>
        pair(`device.${device.address}.${key}`, value),
      ),
    ),
    ...gridProperties(run, group),
  ];
}

/** `dma-buf.vgem@vgem.virtio-gpu@pci:0000:00:04.0`: what the exporters of this suite came to with each importer. */
function gridProperties(run: Run, group: Group): [string, string][] {
  const grid = gridOf(run);
  const exporters = new Set(
    group.entries.flatMap((entry) =>
      entry.kind === 'judged' && entry.point.devices['importer'] !== undefined
        ? (entry.point.devices['exporter'] ?? [])
        : [],
    ),
  );
  if (grid === undefined) return [];
  return [...exporters].flatMap((exporter) =>
    grid.importers.map(({ address }) =>
      pair(`dma-buf.${exporter}.${address}`, cellText(cellAt(grid, exporter, address))),
    ),
  );
}

function pair(name: string, value: string): [string, string] {
  return [name, value];
}

/** Three digits: several readers know no more, and none knows an exponent. */
function seconds(durationMs: number): number {
  return Math.round(durationMs) / 1000;
}

/**
 * A builder of our own: what the library exports is shared by all importers. Its declarations say
 * `export default`, its CommonJS file exports the builder itself, hence the check.
 */
function newBuilder(): Builder {
  const library: unknown = junit;
  if (!isBuilder(library)) throw new Error('junit-report-builder no longer exports a builder');
  return library.newBuilder();
}

function isBuilder(value: unknown): value is Builder {
  return typeof value === 'object' && value !== null && 'newBuilder' in value;
}
