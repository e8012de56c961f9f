const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

/** Milliseconds of a duration as cases write it (`10ms`); undefined when the text is none. */
export function durationMs(text: string): number | undefined {
  const [, count, unit] = /^([0-9]+)(us|ms|s)$/.exec(text) ?? [];
  const scale = UNIT_MS[unit ?? ''];
  return count === undefined || scale === undefined ? undefined : Number(count) * scale;
}
