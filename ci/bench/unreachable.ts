import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../uapi/project-root.ts';
import { plainName, type TracedFunction } from './executed-functions.ts';

/** Functions that no process reaches in a bench's run, and why. Data: its unreachable.json. */
export interface Reason {
  readonly reason: string;
  /** Kernel file and function that show it. */
  readonly source: string;
  /**
   * `name` for all copies that the compiler made of a function, in any module; `module: name` for that
   * one copy, where others do run.
   */
  readonly functions: readonly string[];
}

/** @param bench the folder's name below ci/bench */
export function readReasons(bench: string): readonly Reason[] {
  const path = join(projectRoot(), 'ci/bench', bench, 'unreachable.json');
  const value = JSON.parse(readFileSync(path, 'utf8')) as { readonly groups: readonly Reason[] };
  return value.groups;
}

type KernelFunction = Pick<TracedFunction, 'module' | 'name'>;

export type Excused = (item: KernelFunction) => boolean;

/** Which functions have a reason not to run. */
export function excusedIn(bench: string): Excused {
  const reasons = readReasons(bench);
  return (item) => reasonFor(item, reasons) !== undefined;
}

/** Functions that did not run, by reason; the last group has those that no reason is known for. */
export function missedByReason(
  functions: readonly TracedFunction[],
  reasons: readonly Reason[],
): readonly Reason[] {
  const missed = functions.filter(({ isExecuted }) => !isExecuted);
  const explained = reasons.map((group) => ({
    ...group,
    functions: missed.filter((item) => reasonFor(item, reasons) === group).map(fullName),
  }));
  const rest = missed.filter((item) => reasonFor(item, reasons) === undefined);
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
  return ran.filter((item) => reasonFor(item, reasons) !== undefined).map(fullName);
}

function reasonFor(item: KernelFunction, reasons: readonly Reason[]): Reason | undefined {
  return reasons.find(
    ({ functions }) =>
      functions.includes(plainName(item.name)) || functions.includes(fullName(item)),
  );
}

const fullName = ({ module, name }: KernelFunction): string => `${module}: ${name}`;
