/** Values of command line options: checked here, because yargs takes `--jobs abc` as NaN. */
import type { Shard } from '../../reports/results.ts';
import { UsageError } from '../errors.ts';
import { parseShard } from '../shard.ts';

/** For `coerce`: a whole number that is not below `least`. */
export function wholeNumber(option: string, least: number): (value: unknown) => number {
  return (value) => {
    const text = single(option, value);
    const number = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number >= least) return number;
    throw new UsageError(`${option} ${text}: give a whole number, ${least} or more.`);
  };
}

/** For `coerce`: a number above zero. */
export function positiveNumber(option: string): (value: unknown) => number {
  return (value) => {
    const text = single(option, value);
    const number = Number(text);
    if (text.trim() !== '' && Number.isFinite(number) && number > 0) return number;
    throw new UsageError(`${option} ${text}: give a number above zero, as in ${option} 2.5.`);
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** For `coerce`: milliseconds of a duration as people write it: `90s`, `1.5h`, `0`. */
export function duration(option: string): (value: unknown) => number {
  return (value) => {
    const text = single(option, value);
    const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
    const ms = Number(count) * (UNIT_MS[unit ?? ''] ?? Number.NaN);
    if (text === '0') return 0;
    if (Number.isFinite(ms)) return ms;
    throw new UsageError(`${option} ${text}: give a duration, as in 90s, 30m or 8h.`);
  };
}

/** For `coerce`: an option that may be given once. */
export function singleText(option: string): (value: unknown) => string {
  return (value) => {
    const text = single(option, value);
    refuseEmpty(option, text);
    return text;
  };
}

/** For `coerce`: an option that may be given several times. */
export function texts(option: string): (value: unknown) => readonly string[] {
  return (value) => {
    const given = Array.isArray(value) ? value.map(String) : [String(value)];
    for (const text of given) refuseEmpty(option, text);
    return given;
  };
}

/** Comma-separated words of a known set, from an option that may be given several times. */
export function wordsOf<T extends string>(
  option: string,
  known: readonly T[],
  values: readonly string[],
): readonly T[] {
  const words = values.flatMap((text) => text.split(','));
  return words.map((word) => {
    const found = known.find((each) => each === word);
    if (found !== undefined) return found;
    throw new UsageError(`${option} ${word}: give one or several of ${known.join(', ')}.`);
  });
}

/** For `coerce`: `2/5`. */
export function shardOption(value: unknown): Shard {
  const text = single('--shard', value);
  const shard = parseShard(text);
  if (shard) return shard;
  throw new UsageError(`--shard ${text}: give which of how many, from 1/5 to 5/5.`);
}

/** `run --all "$CASE"` with a variable that is not set: no filter, no path, is what nobody means. */
function refuseEmpty(option: string, text: string): void {
  if (text !== '') return;
  throw new UsageError(`${option} is empty: give a value, or leave it out.`);
}

function single(option: string, value: unknown): string {
  if (!Array.isArray(value)) return String(value);
  throw new UsageError(`${option} is given ${value.length} times: give it once.`);
}
