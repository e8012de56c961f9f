import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../uapi/project-root.ts';
import { plainName, type TracedFunction } from './executed-functions.ts';

/** Functions that no process reaches in a bench's run, and why. Data: its unreachable.json. */
export interface Reason {
  readonly reason: string;
  /** Kernel file and function that show it. */
  readonly source: string;
  readonly functions: readonly string[];
}

/** @param bench the folder's name below ci/bench */
export function readReasons(bench: string): readonly Reason[] {
  const path = join(projectRoot(), 'ci/bench', bench, 'unreachable.json');
  const value = JSON.parse(readFileSync(path, 'utf8')) as { readonly groups: readonly Reason[] };
  return value.groups;
}

/** Functions that did not run, by reason; the last group has those that no reason is known for. */
export function missedByReason(
  functions: readonly TracedFunction[],
  reasons: readonly Reason[],
): readonly Reason[] {
  const missed = functions.filter(({ isExecuted }) => !isExecuted);
  const explained = reasons.map((group) => ({
    ...group,
    functions: missed.filter(isIn(group)).map(fullName),
  }));
  const rest = missed.filter((item) => !reasons.some((group) => isIn(group)(item)));
  const unexplained = { reason: 'reachable as far as is known', source: '' };
  return [...explained, { ...unexplained, functions: rest.map(fullName) }].filter(
    ({ functions: names }) => names.length > 0,
  );
}

/** Functions that are listed as unreachable and yet ran: the list is wrong. */
export function refuted(
  functions: readonly TracedFunction[],
  reasons: readonly Reason[],
): readonly string[] {
  const ran = functions.filter(({ isExecuted }) => isExecuted);
  return ran.filter((item) => reasons.some((group) => isIn(group)(item))).map(fullName);
}

const isIn =
  (group: Reason) =>
  ({ name }: TracedFunction): boolean =>
    group.functions.includes(plainName(name));

const fullName = ({ module, name }: TracedFunction): string => `${module}: ${name}`;
