import { evidence } from './evidence.ts';
import { gridOf } from './grid.ts';
import { notRun } from './groups.ts';
import type { Run } from './results.ts';
import { countTotals } from './totals.ts';

/** Rises when a reader of older documents would misread a newer one. */
const DOCUMENT_VERSION = 1;

/** Keys in the order in which people look for them; others follow by name, as in maps. */
const KEY_ORDER: readonly string[] = [
  ...['format', 'version', 'suite', 'target', 'startedAt', 'endedAt', 'outcome', 'id', 'title'],
  ...['address', 'area', 'provider', 'where', 'verdict', 'skip', 'reason', 'failure', 'step'],
  ...['action', 'expected', 'actual', 'decoded', 'hex', 'detail', 'expect', 'source', 'command'],
  ...['input', 'output', 'result', 'timeUs', 'level', 'text', 'sign', 'commandLine', 'seed'],
  ...['notes', 'targets', 'totals', 'evidence', 'described', 'opens', 'memory', 'shares', 'works'],
  ...['grid', 'exporters', 'importers', 'cells', 'exporter', 'importer', 'state', 'passed', 'run'],
  ...['executed', 'gating', 'verdicts', 'interrupted', 'notRun', 'points'],
];
const RANKS: ReadonlyMap<string, number> = new Map(KEY_ORDER.map((key, rank) => [key, rank]));

/**
 * The run as one JSON document, which ends with a newline: what the journal holds, with totals and
 * evidence. Texts are as the kernel gave them, terminal sequences included. Keys have one order and
 * each point has a line of its own, so that two documents compare line by line.
 */
export function jsonReport(run: Run): string {
  return [...jsonPieces(run)].join('');
}

/** The same piece by piece. */
export function* jsonPieces(run: Run): Generator<string> {
  const document = {
    format: 'uapi-conform report',
    version: DOCUMENT_VERSION,
    suite: run.run.suite,
    target: run.run.target,
    startedAt: run.run.startedAt,
    endedAt: run.end?.at,
    outcome: run.end?.outcome ?? 'interrupted',
    reason: run.end?.reason,
    commandLine: run.run.commandLine,
    seed: run.run.seed,
    notes: run.notes,
    targets: run.targets,
    totals: countTotals(run),
    evidence: evidence(run),
    grid: gridOf(run),
    interrupted: run.interrupted,
    notRun: notRun(run),
  };
  const head = JSON.stringify(document, inOrder, 2).replace(/\n\}$/, '');
  yield `${head},\n  "points": [\n`;
  const last = run.points.length - 1;
  for (const [index, point] of run.points.entries()) {
    yield `    ${JSON.stringify(point, inOrder)}${index === last ? '' : ','}\n`;
  }
  yield last < 0 ? '\n  ]\n}\n' : '  ]\n}\n';
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => compareKeys(a, b)));
}

function compareKeys(a: string, b: string): number {
  const byRank = (RANKS.get(a) ?? RANKS.size) - (RANKS.get(b) ?? RANKS.size);
  if (byRank !== 0) return byRank;
  return a < b ? -1 : 1;
}
