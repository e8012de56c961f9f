import { CaseDefect } from './values.ts';

const UNIT_MS = { us: 0.001, ms: 1, s: 1000 } as const;

/** `10ms`, `2s`, `50us` in milliseconds. */
export function durationMs(text: string): number {
  const [, number, unit] = /^(\d+)(us|ms|s)$/.exec(text) ?? [];
  if (number === undefined || unit === undefined) throw new CaseDefect(`${text} is no duration`);
  return Number(number) * UNIT_MS[unit as keyof typeof UNIT_MS];
}
