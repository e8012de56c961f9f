import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../uapi/project-root.ts';
import type { TracedFunction } from './executed-functions.ts';
import { type GuestWish, linesFromGuest } from './guest.ts';
import { missedByReason, readReasons, refuted } from './unreachable.ts';

/** A bench that compares the suite with a peer in one VM. */
export interface Comparison<Measurement> {
  /** Its folder's name below ci/bench, which has README.md, unreachable.json and its scripts. */
  readonly bench: string;
  /** Run one after the other, each in a guest of its own; their results are parts of one object. */
  readonly scripts: readonly string[];
  /** What the guest has; called only when a guest is started. */
  readonly wish: () => Promise<Omit<GuestWish, 'kernel'>>;
  /** The measurement as Markdown. */
  readonly text: (measurement: Measurement) => string;
}

const END = '<!-- end -->';

/**
 * `npm run bench:NAME [-- KERNEL | FILE] [--write]`: measures and prints. FILE is an earlier
 * measurement, to be printed again. `--write` puts the result into README.md.
 */
export async function compare<Measurement>(
  comparison: Comparison<Measurement>,
  words: readonly string[],
): Promise<void> {
  const given = words.find((word) => !word.startsWith('--'));
  const measured =
    given !== undefined && existsSync(given)
      ? readFileSync(given, 'utf8')
      : await measure(comparison, given);
  const text = comparison.text(JSON.parse(measured) as Measurement);
  console.log(text);
  if (words.includes('--write')) writeReadme(comparison.bench, text);
}

async function measure<Measurement>(
  { bench, wish, scripts }: Comparison<Measurement>,
  kernel: string | undefined,
): Promise<string> {
  const whole = { ...(await wish()), ...(kernel !== undefined && { kernel }) };
  const parts: object[] = [];
  for (const script of scripts) parts.push(await partFrom(`ci/bench/${bench}/${script}`, whole));
  const text = JSON.stringify(Object.assign({}, ...parts));
  mkdirSync(join(projectRoot(), 'results'), { recursive: true });
  writeFileSync(join(projectRoot(), `results/${bench}-comparison.json`), `${text}\n`);
  return text;
}

/** The last line of a guest's script; those that begin with `#` are for people. */
async function partFrom(script: string, wish: GuestWish): Promise<object> {
  let last = '';
  for await (const line of linesFromGuest(script, wish)) {
    if (line.startsWith('#')) console.error(line);
    else last = line;
  }
  if (!last.startsWith('{')) throw new Error(`${script} ended in the guest without a measurement`);
  return JSON.parse(last) as object;
}

function writeReadme(bench: string, text: string): void {
  const path = join(projectRoot(), 'ci/bench', bench, 'README.md');
  const begin = `<!-- begin of what \`npm run bench:${bench} -- --write\` writes -->`;
  const [head, , tail] = readFileSync(path, 'utf8').split(new RegExp(`(?<=${begin}\n)|(?=${END})`));
  writeFileSync(path, `${head}\n${text}\n\n${tail}`);
}

export interface Row {
  readonly what: string;
  readonly peer: string;
  readonly ours: string;
  /** What `verdict` says. */
  readonly target?: string;
}

export function markdownTable(rows: readonly Row[]): string {
  const lines = rows.map(({ what, peer, ours, target = '' }) =>
    ['', what, peer, ours, target, ''].join(' | ').trim(),
  );
  return ['| | peer | ours | target |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

export function times(value: number, base: number): string {
  return `${(value / base).toFixed(1)} times`;
}

export function verdict(isMet: boolean, target: string): string {
  return isMet ? `met: ${target}` : `**missed:** ${target}`;
}

/** Functions, or the handlers of commands. */
type Traced = readonly Pick<TracedFunction, 'isExecuted'>[];

export function executedIn(traced: Traced): number {
  return traced.filter(({ isExecuted }) => isExecuted).length;
}

/** `12 of 23`: so many of them ran. */
export function executedOf(traced: Traced): string {
  return `${executedIn(traced)} of ${traced.length}`;
}

/** Functions that our run did not reach, with the reasons; and reasons that it refuted. */
export function missedFunctions(
  bench: string,
  functions: readonly TracedFunction[],
): readonly string[] {
  const reasons = readReasons(bench);
  const wrong = refuted(functions, reasons);
  const groups = missedByReason(functions, reasons);
  const total = groups.reduce((sum, group) => sum + group.functions.length, 0);
  const lines = [`Functions that our run did not execute: ${total}.`, ''];
  for (const group of groups) {
    const source = group.source === '' ? '' : ` (${group.source})`;
    lines.push(
      `- ${group.functions.length}: ${group.reason}${source}: ${byModule(group.functions)}`,
    );
  }
  if (wrong.length > 0) {
    lines.push('', `**unreachable.json is wrong, these ran:** ${wrong.join(', ')}`);
  }
  return lines;
}

/** `rdma_rxe: a, b; ib_uverbs: c` of `rdma_rxe: a` and so on. */
function byModule(names: readonly string[]): string {
  const modules = new Map<string, string[]>();
  for (const full of names) {
    const [module = '', name = ''] = full.split(': ');
    modules.set(module, [...(modules.get(module) ?? []), name]);
  }
  return [...modules].map(([module, list]) => `${module}: ${list.sort().join(', ')}`).join('; ');
}
